// Updates the summary of a form of rows while it is edited, and adds and removes rows without a reload.
// Without JavaScript the buttons submit the form, and the server returns it with the row added or removed.
(() => {
  "use strict";
  const place = document.querySelector("[data-sentence]");
  const form = place && place.closest("form");
  if (!form) return;
  const says = place.querySelector("[data-says]");
  let timer = 0;
  let latest = 0;
  async function update() {
    const turn = ++latest;
    const answer = await fetch(place.dataset.sentence, { method: "POST", body: new FormData(form), credentials: "same-origin" }).catch(() => null);
    if (!answer || !answer.ok || turn !== latest) return;
    says.textContent = await answer.text();
  }
  const soon = () => { clearTimeout(timer); timer = setTimeout(update, 300); };
  form.addEventListener("input", soon);
  // Show the number of approvals only where the mode needs it; without JavaScript the field stays visible.
  const counts = () => {
    for (const mode of form.querySelectorAll('select[name$="-mode"]')) {
      const number = form.querySelector(`[name="${mode.name.replace(/-mode$/, "-quorum")}"]`).closest(".wk-field");
      number.hidden = mode.value !== "quorum";
    }
  };
  form.addEventListener("change", counts);
  counts();
  // The condition is written as rows or as a text: only the one that counts is shown. Without JavaScript both are.
  const condition = form.querySelector("[data-condition]");
  const types = JSON.parse(document.getElementById("types-of-facts")?.textContent || "{}");
  const fit = (row) => {
    const type = types[row.querySelector("[data-fact]").value];
    const sign = row.querySelector("[data-sign]");
    for (const option of sign.options) option.hidden = option.disabled = Boolean(type) && !type.signs.includes(option.value);
    if (sign.selectedOptions[0]?.disabled) sign.value = type.signs[0];
    for (const part of row.querySelectorAll("[data-figure]")) part.closest(".wk-flow-row").hidden = !type?.isFigure;
    const value = row.querySelector("[data-value]");
    let list = value.nextElementSibling;
    if (list?.tagName !== "DATALIST") { list = document.createElement("datalist"); list.id = `${value.id}_values`; value.after(list); value.setAttribute("list", list.id); }
    list.replaceChildren(...(type ? type.values : []).map((each) => new Option(each)));
    value.inputMode = type?.isNumber ? "decimal" : "";
  };
  const conditions = () => {
    if (!condition) return;
    const chosen = condition.querySelector('[name="condition_by"]:checked')?.value || "text";
    for (const part of condition.querySelectorAll("[data-by]")) part.hidden = part.dataset.by !== chosen;
    condition.querySelectorAll("[data-items] > *").forEach(fit);
  };
  form.addEventListener("change", conditions);
  const status = place.querySelector("[data-status]");
  // Renumber the rows on screen; their field names keep their numbers.
  function arrange(many) {
    const rows = many.querySelector("[data-items]").children;
    [...rows].forEach((row, at) => {
      for (const number of row.querySelectorAll("[data-place]")) number.textContent = at + 1;
      const joint = row.querySelector('[name$="-parallel"]');
      if (joint) joint.closest(".wk-flow-row").hidden = at === 0;
    });
    for (const add of many.querySelectorAll("[name=add_row]")) add.disabled = rows.length >= Number(many.dataset.most);
    counts();
    conditions();
    soon();
    return rows.length;
  }
  const nameOf = (row) => row.querySelector("h3").textContent.trim();
  function add(many, wish) {
    const blank = many.querySelector(`template[data-blank="${wish}"]`);
    const total = many.querySelector('[name$="-TOTAL_FORMS"]');
    const holder = document.createElement("template");
    const html = blank.innerHTML.replaceAll("__prefix__", total.value);
    total.value = Number(total.value) + 1;
    holder.innerHTML = html.replaceAll("__number__", total.value);
    const row = holder.content.firstElementChild;
    many.querySelector("[data-items]").append(row);
    arrange(many);
    row.focus();
    status.textContent = `${nameOf(row)} added.`;
  }
  function remove(many, row) {
    const name = nameOf(row);
    const next = row.nextElementSibling || row.previousElementSibling;
    const mark = row.querySelector('[name$="-DELETE"]');
    mark.value = "on";
    many.append(mark);
    row.remove();
    const left = arrange(many);
    (next || many.querySelector("[name=add_row]")).focus();
    status.textContent = `${name} removed; ${left} left.`;
  }
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[name=add_row], [name=remove_row]");
    if (!button) return;
    event.preventDefault();
    const many = button.closest("[data-many]");
    if (button.name === "add_row") add(many, button.value);
    else remove(many, button.closest("[role=group]"));
  });
  conditions();
  // After a reload that added a row, continue in the new row.
  const fresh = form.querySelector(".wk-flow-item[autofocus]");
  if (fresh) fresh.focus();
})();
