// Shows the sentence of a workflow while its form is filled in; without it the form works all the same.
(() => {
  "use strict";
  const place = document.querySelector("[data-sentence]");
  const form = place && place.closest("form");
  if (!form) return;
  const says = place.querySelector("[data-says]");
  let timer = 0;
  let latest = 0;
  async function tell() {
    const turn = ++latest;
    const answer = await fetch(place.dataset.sentence, { method: "POST", body: new FormData(form), credentials: "same-origin" }).catch(() => null);
    if (!answer || !answer.ok || turn !== latest) return;
    says.textContent = await answer.text();
  }
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(tell, 300); });
  // How many sign is asked for only where it counts; without scripts the field stays.
  const counts = () => {
    for (const mode of form.querySelectorAll("select[name$=_mode]")) {
      const number = form.querySelector(`[name="${mode.name.replace(/_mode$/, "_quorum")}"]`).closest(".wk-field");
      number.hidden = mode.value !== "quorum";
    }
  };
  form.addEventListener("change", counts);
  counts();
})();
