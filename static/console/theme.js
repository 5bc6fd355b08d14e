/* Applies the chosen theme before the first paint; runs the theme switch and copy buttons. */
(() => {
  const root = document.documentElement;
  const stored = localStorage.getItem("walker-theme");
  if (stored) root.dataset.theme = stored;
  const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-copy]")) {
      button.hidden = !navigator.clipboard;
      button.addEventListener("click", async () => {
        const source = document.getElementById(button.dataset.copy);
        const status = button.nextElementSibling;
        try {
          await navigator.clipboard.writeText(source.textContent);
          status.textContent = "Copied.";
        } catch {
          getSelection().selectAllChildren(source);
          status.textContent = "Selected. Copy it with your keyboard.";
        }
      });
    }
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
