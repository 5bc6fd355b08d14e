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
    says.hidden = false;
  }
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(tell, 300); });
  tell();
})();
