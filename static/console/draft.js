/* Keeps what is written in the reply box on the server, so that it is there again on any page and device. */
(() => {
  const WAIT = 800;
  const boxOf = (target) => target.closest?.("#live-reply textarea[name=text]");
  const line = document.querySelector("[data-draft]");
  if (!line) return;
  let timer = 0, kept = null, busy = null;
  const say = (words) => { line.textContent = words; line.hidden = !words; };
  const save = async (box) => {
    clearTimeout(timer);
    const text = box.value;
    if (text === kept) return;
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
  document.addEventListener("input", ({ target }) => {
    const box = boxOf(target);
    if (!box) return;
    clearTimeout(timer);
    timer = setTimeout(() => save(box), WAIT);
  });
  document.addEventListener("submit", ({ target }) => { if (target.closest?.("#live-reply")) clearTimeout(timer); });
  addEventListener("pagehide", () => { const box = document.querySelector("#live-reply textarea[name=text]"); if (box && timer && box.value !== box.defaultValue && box.value !== kept && !box.form.querySelector("button[disabled]")) save(box); });
})();
