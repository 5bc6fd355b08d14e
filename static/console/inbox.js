/* Keeps the place in the list from page to page, and the conversation at its newest message. */
(() => {
  const list = document.querySelector(".wk-inbox-list");
  const talk = document.querySelector(".wk-inbox-talk");
  const KEY = "walker-inbox-place";
  if (!list || !talk) return;
  const view = new URLSearchParams(location.search);
  const name = `${view.get("view") || ""}|${view.get("team") || ""}|${view.get("tag") || ""}|${view.get("after") || ""}`;
  const [kept, place] = JSON.parse(sessionStorage.getItem(KEY) || "[]");
  if (kept === name) list.scrollTop = place;
  list.addEventListener("scroll", () => sessionStorage.setItem(KEY, JSON.stringify([name, list.scrollTop])), { passive: true });

  const newest = () => talk.querySelector("#live-chat .wk-chat > li:last-child");
  let seen = newest()?.textContent;
  const follow = () => newest()?.scrollIntoView({ block: "center" });
  const isRead = () => { const last = newest()?.getBoundingClientRect(); return !last || last.top < talk.getBoundingClientRect().bottom; };
  if (!view.get("before") && !location.hash) follow();
  let wasRead = true;
  talk.addEventListener("scroll", () => { wasRead = isRead(); }, { passive: true });
  document.addEventListener("walker:refreshed", () => {
    if (newest()?.textContent === seen) return;
    seen = newest()?.textContent;
    if (wasRead) follow();
  });
})();
