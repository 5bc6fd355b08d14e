/* The switch for notifications on this device: asks the browser, subscribes, and posts what it got. */
(() => {
  const card = document.getElementById("push-card");
  if (!card) return;
  const form = card.querySelector("form[data-push-on]");
  const says = card.querySelector("[role=status]");
  const isAble = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
  if (!isAble) { says.textContent = "This browser can't show notifications."; return; }
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  form.hidden = false;
  const subscribe = async () => {
    if (await Notification.requestPermission() !== "granted") {
      says.textContent = "Your browser blocks notifications for this site. Allow them in its settings, then try again.";
      return;
    }
    const worker = await navigator.serviceWorker.register(card.dataset.worker);
    await navigator.serviceWorker.ready;
    // A new address each time: one that somebody else turned on in this browser ends with it.
    await (await worker.pushManager.getSubscription())?.unsubscribe();
    const given = (await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(card.dataset.key) })).toJSON();
    form.elements.endpoint.value = given.endpoint;
    form.elements.p256dh.value = given.keys.p256dh;
    form.elements.auth.value = given.keys.auth;
    form.submit();
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    says.textContent = "";
    try { await subscribe(); } catch { says.textContent = "Your browser couldn't reach its push service. Please try again later."; }
    form.querySelector("button").disabled = false;
  });
})();
