/* The service worker of the console: shows a notice while no page is open, and opens its page. It caches nothing. */
"use strict";
const OWN = /^\/[^/\\]/;
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("push", (event) => {
  let said = {};
  try { said = event.data.json(); } catch { /* not one of ours: shown without words of its own */ }
  const link = OWN.test(said.link || "") ? said.link : "/admin/accounts/notice/";
  const shown = { tag: said.id || "walker", data: { link }, icon: "/static/console/mark.svg" };
  event.waitUntil(self.registration.showNotification(said.title || "You have a new notice", shown));
});
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { link } = event.notification.data || {};
  event.waitUntil((async () => {
    const pages = await self.clients.matchAll({ type: "window" });
    const open = pages.find((page) => new URL(page.url).pathname === link);
    return open ? open.focus() : self.clients.openWindow(link || "/admin/");
  })());
});
