/* "Why" at an agent's answer opens its run beside the conversation, which stays where it is. Without it the link opens the run's page. */
(() => {
  const box = document.createElement("dialog"), head = document.createElement("div"), title = document.createElement("h2");
  const page = document.createElement("a"), close = document.createElement("button"), body = document.createElement("div");
  let from = "";
  box.className = "wk-trace";
  box.setAttribute("aria-labelledby", "h-trace");
  head.className = "wk-dialog-head";
  title.id = "h-trace";
  title.tabIndex = -1;
  page.textContent = "Open as a page";
  Object.assign(close, { type: "button", className: "wk-button wk-button-quiet", textContent: "Close" });
  close.addEventListener("click", () => box.close());
  head.append(title, page, close);
  box.append(head, body);
  document.body.append(box);

  const show = (html, link) => {
    const fresh = new DOMParser().parseFromString(html, "text/html"), main = fresh.querySelector(".wk-main");
    if (!main) throw new Error("no run");
    title.textContent = fresh.querySelector("h1")?.textContent.trim() || "Run";
    page.href = from = link.getAttribute("href");
    body.replaceChildren(...main.childNodes);
    if (!box.open) box.show();
    box.scrollTop = 0;
    title.focus();
  };
  document.addEventListener("click", async (event) => {
    const link = event.target.closest?.("a[data-trace]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    try {
      const answer = await fetch(link.href, { headers: { "X-Walker-Fragment": "1" } });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      show(await answer.text(), link);
    } catch { location.assign(link.href); }
  });
  /* The list of messages may have been drawn again meanwhile: the link is found by its address. */
  box.addEventListener("close", () => document.querySelector(`a[data-trace][href="${CSS.escape(from)}"]`)?.focus({ preventScroll: true }));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && box.open) { event.preventDefault(); event.stopPropagation(); box.close(); } }, true);
})();
