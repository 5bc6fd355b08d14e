// The preview of a web chat follows its form; where there is none it shows what stands in the page. The colours of the
// dark are the server's: here a lighter shade stands for them.
(() => {
  "use strict";
  const chat = document.querySelector("walker-chat[preview]");
  if (!chat) return;
  const form = chat.closest("form");
  const value = (name) => { const field = form && form.elements[name]; return !form ? chat.dataset[name] || "" : !field ? "" : field.type === "checkbox" ? field.checked : field.value; };
  let picked = "";
  function show() {
    const colour = /^#[0-9a-f]{6}$/i.test(value("colour").trim()) ? value("colour").trim() : "";
    const file = form && form.elements.logo.files[0];
    if (picked) URL.revokeObjectURL(picked);
    picked = file && /^image\/(png|jpeg|gif|webp)$/.test(file.type) ? URL.createObjectURL(file) : "";
    const theme = value("theme"), isDark = theme === "dark" || (theme === "device" && matchMedia("(prefers-color-scheme: dark)").matches);
    chat.parentNode.classList.toggle("is-dark", isDark);
    const look = { theme, position: value("position"), logo: value("removes_logo") ? "" : picked || chat.dataset.logo };
    if (colour) Object.assign(look, { accent: colour, on_accent: "#ffffff", accent_dark: `color-mix(in srgb, ${colour} 45%, white)`, on_accent_dark: "#06231b" });
    chat.show({
      look, greeting: value("greeting"), takes_files: Boolean(value("takes_files")),
      messages: [
        { type: "message_received", seq: 1, id: "1", content: "When are you open?", status: "read" },
        { type: "agent_response", seq: 2, message_id: "2", content: "On weekdays from nine to five.", sender: { type: "agent", name: chat.getAttribute("name") } },
        { type: "agent_response", seq: 3, message_id: "3", content: "I'm here if you have further questions.", sender: { type: "person", name: value("shows_people") ? "Anna" : "" } },
      ],
    });
  }
  if (form) for (const name of ["input", "change"]) form.addEventListener(name, show);
  customElements.whenDefined("walker-chat").then(show);
})();
