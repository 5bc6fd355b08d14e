/* Shows the open tab, and the two days only where days of one's own choice are asked for; without this script they always show. */
(() => {
  // On a phone the tabs are one row that scrolls: the open one is in view.
  document.querySelector(".wk-figures-tabs [aria-current=page]")?.scrollIntoView({ block: "nearest", inline: "center" });
  const span = document.querySelector("[data-figures-span]");
  const days = document.querySelector(".wk-figures-days");
  if (!span || !days) return;
  const show = () => { days.hidden = span.value !== "own"; };
  span.addEventListener("change", show);
  show();
})();
