/* Asks the browser for a security key or passkey, and sends its answer with the form. Without scripts the form says why it can't. */
(() => {
  const REASONS = {
    NotAllowedError: "No key was confirmed in time, or it was cancelled. Try again, and confirm on the key when your browser asks.",
    InvalidStateError: "This key is on your list already.",
    SecurityError: "Keys don't work at this address. Open Walker by its name and with https.",
    Unsupported: "This browser can't use security keys. Try a current version of Chrome, Edge, Firefox or Safari.",
    NotSupportedError: "This key can't do this. Try another one.",
    ConstraintError: "This key has no PIN, fingerprint or face to confirm with. Set one up on it, or try another key.",
    AbortError: "Your browser stopped asking. Try again.",
    TooOften: "Too many attempts. Try again in a minute.",
  };
  // Browsers bind keys to a name, never to an address of numbers.
  const isUsable = window.isSecureContext && window.PublicKeyCredential && !/^[\d.]+$|:/.test(location.hostname);
  const optionsOf = async (source) => {
    if (!source.startsWith("/")) return JSON.parse(document.getElementById(source).textContent);
    const answer = await fetch(source, { headers: { Accept: "application/json" } });
    if (answer.status === 429) throw new DOMException("", "TooOften");
    // The password was given before: its next step comes first.
    if (answer.redirected) { location.assign(answer.url); return new Promise(() => {}); }
    return (await answer.json()).request_options;
  };
  const ask = async (form) => {
    if (!window.isSecureContext) throw new DOMException("", "SecurityError");
    if (!window.PublicKeyCredential) throw new DOMException("", "Unsupported");
    const options = await optionsOf(form.dataset.keyOptions);
    if (form.dataset.key === "create") {
      const isPasskey = Boolean(form.elements.passwordless?.checked);
      const wanted = options.publicKey.authenticatorSelection;
      wanted.residentKey = isPasskey ? "required" : "discouraged";
      wanted.requireResidentKey = isPasskey;
      if (isPasskey) wanted.userVerification = "required";
    }
    return window.webauthnJSON[form.dataset.key](options);
  };
  document.querySelectorAll("form[data-key]").forEach((form) => {
    const problem = form.querySelector("[data-key-problem]");
    const status = form.querySelector("[data-key-status]");
    let isAsking = false;
    if (isUsable) form.hidden = false;
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
