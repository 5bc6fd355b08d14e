/* Who else looks at a conversation, and who writes an answer: nobody answers over a colleague unawares. */
(() => {
  const TYPING = 6000, SAY_EVERY = 3000;
  const topicHere = () => document.querySelector("[data-live-topic^='conversation:']")?.dataset.liveTopic;
  let topic = topicHere(), here = new Map(), said = 0, writes = 0;
  const typing = new Map();

  const listed = (names) => names.length < 3 ? names.join(" and ") : `${names.slice(0, 2).join(", ")} and ${names.length - 2} more`;
  const own = () => document.querySelector("[data-together]")?.dataset.together;
  const customer = (isWriting) => {
    const line = document.querySelector("[data-typing]");
    clearTimeout(writes);
    if (!line) return;
    const words = isWriting ? `${line.dataset.typing} is typing…` : "";
    if (line.textContent !== words) line.textContent = words;
    if (isWriting) writes = setTimeout(customer, TYPING);
  };
  const show = () => {
    const line = document.querySelector("[data-together]");
    if (!line) return;
    const writing = [...typing.values()], looking = [...here].filter(([id]) => !typing.has(id)).map(([, name]) => name);
    const words = [
      writing.length ? `${listed(writing)} ${writing.length > 1 ? "are" : "is"} replying.` : "",
      looking.length ? `${listed(looking)} ${looking.length > 1 ? "are" : "is"} viewing this too.` : "",
    ].filter(Boolean).join(" ");
    if (line.textContent !== words) line.textContent = words;
    line.hidden = !words;
    line.classList.toggle("is-answering", writing.length > 0);
  };
  document.addEventListener("walker:passing", ({ detail: { event, topic: of, payload } }) => {
    if (of !== topic) return;
    if (event === "customer.typing") { customer(payload.value !== false); return; }
    if (event === "agent.presence" && payload.people) {
      here = new Map(payload.people.filter(({ person }) => person !== own()).map(({ person, name }) => [person, name || "A colleague"]));
      for (const id of typing.keys()) if (!here.has(id)) typing.delete(id);
    } else if (event === "agent.typing" && payload.person && payload.person !== own()) {
      const { person, name } = payload;
      typing.set(person, name || "A colleague");
      clearTimeout(timers.get(person));
      timers.set(person, setTimeout(() => { typing.delete(person); show(); }, TYPING));
    }
    show();
  });
  const timers = new Map();
  /* What is new in the thread is read out once. The thread is no live region: it's replaced as a whole. */
  const newest = () => [...document.querySelectorAll("#live-chat [data-said]")];
  let heard = newest().at(-1)?.id;
  const readOut = (isOwn) => {
    const said = newest(), at = said.findIndex(({ id }) => id === heard), announcer = document.getElementById("announcer");
    heard = said.at(-1)?.id;
    if (at < 0 || isOwn || topic !== topicHere() || !announcer) return;
    const words = said.slice(at + 1).map((turn) => `${turn.querySelector(".wk-turn-who bdi").textContent}: ${turn.querySelector(".wk-words").textContent.trim().slice(0, 300) || "a file"}`);
    if (words.length) { announcer.textContent = ""; setTimeout(() => { announcer.textContent = words.join(" "); }, 60); }
  };
  // What they wrote is on the page now; in another conversation are other people.
  document.addEventListener("walker:refreshed", ({ detail }) => { customer(false); readOut(detail?.sent === "reply"); });
  document.addEventListener("walker:opened", () => {
    if (topic !== topicHere()) { topic = topicHere(); here = new Map(); typing.clear(); said = 0; }
    show();
  });
  document.addEventListener("input", ({ target }) => {
    if (!topic || target.name !== "text" || !target.closest("#live-reply") || Date.now() < said + SAY_EVERY) return;
    said = Date.now();
    document.dispatchEvent(new CustomEvent("walker:send", { detail: { type: "typing", topic } }));
  });
})();
