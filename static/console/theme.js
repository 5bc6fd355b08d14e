/* Sets the chosen theme before the first paint and runs the switch. */
(() => {
  const root = document.documentElement;
  const stored = localStorage.getItem("walker-theme");
  if (stored) root.dataset.theme = stored;
  const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelector(".wk-nav [aria-current]")?.scrollIntoView({ block: "nearest" });
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      button.hidden = false;
      button.setAttribute("aria-pressed", String(isDark()));
      button.addEventListener("click", () => {
        root.dataset.theme = isDark() ? "light" : "dark";
        localStorage.setItem("walker-theme", root.dataset.theme);
        button.setAttribute("aria-pressed", String(isDark()));
      });
    }
  });
})();
