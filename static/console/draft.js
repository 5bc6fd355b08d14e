/* Keeps what is written in the reply box on the server, so that it is there again on any page and device. */
(() => {
  const WAIT = 800;
  const boxOf = (target) => target.closest?.("#live-reply textarea[name=text]");
  const here = () => document.querySelector("#live-reply textarea[name=text]");
  let timer = 0, kept = null, busy = null;
  const save = async (box) => {
    clearTimeout(timer);
    timer = 0;
    const text = box.value, line = box.form.querySelector("[data-draft]");
    if (!line || text === kept) return;
    const say = (words) => { line.textContent = words; };
    const body = new FormData();
    body.append("text", text);
    body.append("csrfmiddlewaretoken", box.form.elements.csrfmiddlewaretoken.value);
    try {
      await busy; // one at a time: the last one to arrive counts
      busy = fetch(line.dataset.draft, { method: "POST", body, credentials: "same-origin", keepalive: true });
      const answer = await busy;
      if (!answer.ok) throw new Error(answer.status);
      kept = text;
      say(text.trim() ? "Draft saved" : "");
    } catch { say("The draft couldn’t be saved. It’s tried again as you write."); }
  };
  const leave = () => {
    const box = here();
    if (box && timer && box.value !== box.defaultValue && box.value !== kept && !box.form.querySelector("button[disabled]")) save(box);
  };
  document.addEventListener("input", ({ target }) => {
    const box = boxOf(target);
    if (!box) return;
    clearTimeout(timer);
    timer = setTimeout(() => save(box), WAIT);
  });
  document.addEventListener("submit", ({ target }) => { if (target.id === "reply-form") { clearTimeout(timer); timer = 0; } });
  document.addEventListener("walker:leave", leave);
  document.addEventListener("walker:opened", () => { kept = null; });
  addEventListener("pagehide", leave);
})();
