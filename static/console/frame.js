// Grows a frame that shows one of our own emails to the height of its content.
"use strict";
for (const frame of document.querySelectorAll("iframe[data-grows]")) {
  const grow = () => {
    const page = frame.contentDocument;
    if (page && page.body) frame.style.height = `${Math.max(320, page.body.scrollHeight)}px`;
  };
  frame.addEventListener("load", grow);
  window.addEventListener("resize", grow);
  if (frame.contentDocument && frame.contentDocument.readyState === "complete") grow();
}
