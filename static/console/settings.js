/* Narrows the index of settings while somebody types; without it the form does the same by a reload. */
(() => {
  const input = document.getElementById("settings-words");
  const says = document.getElementById("settings-says");
  const none = document.getElementById("settings-none");
  const cards = [...document.querySelectorAll(".wk-settings > section")];
  // The server left out what its own words don't name: then each search is the server's.
  if (!input || input.defaultValue) return;
  input.form.querySelector("button").hidden = true;
  const narrow = () => {
    const parts = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const card of cards) {
      const title = card.querySelector("h2").textContent;
      for (const line of card.querySelectorAll("li")) {
        const text = `${line.textContent} ${title}`.toLowerCase();
        line.hidden = !parts.every((part) => text.includes(part));
        count += line.hidden ? 0 : 1;
      }
      card.hidden = !card.querySelector("li:not([hidden])");
    }
    none.hidden = count > 0;
    says.textContent = parts.length ? `${count} ${count === 1 ? "setting" : "settings"} found.` : "";
  };
  input.addEventListener("input", narrow);
  if (input.value) narrow();
})();
