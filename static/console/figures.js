/* Shows the two days only where days of one's own choice are asked for; without this script they always show. */
(() => {
  const span = document.querySelector("[data-figures-span]");
  const days = document.querySelector(".wk-figures-days");
  if (!span || !days) return;
  const show = () => { days.hidden = span.value !== "own"; };
  span.addEventListener("change", show);
  show();
})();
