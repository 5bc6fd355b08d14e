/* Asks the browser for a security key, and sends its answer with the form. Without scripts the form says why it can't. */
(() => {
  const REASONS = {
    NotAllowedError: "No key was confirmed in time, or it was cancelled. Try again, and confirm on the key when your browser asks.",
    InvalidStateError: "This key is on your list already.",
    SecurityError: "Keys don't work at this address. Open Walker by its name and with https.",
    Unsupported: "This browser can't use security keys. Try a current version of Chrome, Edge, Firefox or Safari.",
    NotSupportedError: "This key can't do this. Try another one.",
    ConstraintError: "This key has no PIN, fingerprint or face to confirm with. Set one up on it, or try another key.",
    AbortError: "Your browser stopped asking. Try again.",
  };
  const ask = async (form) => {
    if (!window.isSecureContext) throw new DOMException("", "SecurityError");
    if (!window.PublicKeyCredential) throw new DOMException("", "Unsupported");
    const source = form.dataset.keyOptions;
    const options = JSON.parse(document.getElementById(source).textContent);
    return window.webauthnJSON[form.dataset.key](options);
  };
  document.querySelectorAll("form[data-key]").forEach((form) => {
    const problem = form.querySelector("[data-key-problem]");
    const status = form.querySelector("[data-key-status]");
    let isAsking = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (isAsking) return;
      isAsking = true;
      problem.textContent = "";
      status.textContent = "Confirm on your key or device now.";
      try {
        form.elements.credential.value = JSON.stringify(await ask(form));
        status.textContent = "One moment…";
        form.submit();
      } catch (error) {
        status.textContent = "";
        problem.textContent = REASONS[error.name] || "Your browser couldn't ask for the key. Reload the page, then try again.";
      } finally {
        isAsking = false;
      }
    });
  });
})();
