/*! Walker chat: <walker-chat widget="key" base="https://…">. One file, no build step, no dependencies. */
(() => {
  "use strict";
  if (window.customElements.get("walker-chat")) return;

  const HERE = document.currentScript && document.currentScript.src;
  const LIMIT = 4096; // characters; the server says the same in `connected`
  const NEAR_LIMIT = 400; // the counter appears when this many are left
  const ACK_WAIT = 12000; // without an echo for this long, the connection is considered dead
  const FINAL = new Set([400, 403, 404, 410, 413]); // a retry does not change these answers
  const HINTS = {
    origin: `Add ${location.origin} to the allowed websites of this chat in the Walker console, under Channels.`,
    unknown: "The widget key is unknown, or the chat has been turned off.",
    bad_identity: "The signed identity is invalid or has expired. Set identity-url on pages that stay open.",
  };
  const FILES = 5, FILE_LIMIT = 10485760, FILES_LIMIT = 16777216; // of one message; the server checks the same, and what is inside
  const ACCEPTED = "image/jpeg,image/png,image/gif,image/webp,application/pdf";
  const BACKOFF = [500, 1000, 2000, 4000, 8000, 15000, 30000];

  // ---------------------------------------------------------------- look
  const STYLE = `
  :host { all: initial; color-scheme: light;
    --accent: var(--walker-accent, var(--own, #155e4c)); --on-accent: var(--walker-on-accent, var(--on-own, #ffffff));
    --bg: #ffffff; --bg-soft: #f4f6f5; --ink: #17211f; --ink-soft: #52605c; --line: #dbe2df;
    --edge: #7b8a85; --mine: var(--accent); --on-mine: var(--on-accent); --theirs: #eef2f0;
    --warn-bg: #fff6e0; --warn-ink: #6b4a00; --warn-line: #e8c977;
    --bad-bg: #fdecea; --bad-ink: #8f1d14; --good-bg: #e4f5ec; --good-ink: #14532d; --focus: #1d4ed8;
    --shadow: 0 18px 48px rgb(15 32 28 / .22), 0 2px 8px rgb(15 32 28 / .12);
    font: 400 15px/1.5 var(--walker-font, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif); }
  .night {
    --accent: var(--walker-accent-dark, var(--own-dark, #5fd0ae)); --on-accent: var(--walker-on-accent-dark, var(--on-own-dark, #06231b));
    --bg: #121816; --bg-soft: #182120; --ink: #edf3f1; --ink-soft: #a9b8b3; --line: #2b3734; --edge: #72827d;
    --mine: var(--own, #17493b); --on-mine: var(--on-own, #effaf6); --theirs: #202b29;
    --warn-bg: #33280c; --warn-ink: #fbe3a4; --warn-line: #6e571a; --bad-bg: #3a1714; --bad-ink: #ffc9c3;
    --good-bg: #0f2f20; --good-ink: #a7f0c6; --focus: #93c5fd; --shadow: 0 18px 48px rgb(0 0 0 / .6); color-scheme: dark; }
  :host([hidden]) { display: none; }
  *, *::before, *::after { box-sizing: border-box; }
  [hidden] { display: none !important; }
  button, textarea { font: inherit; color: inherit; }
  :focus { outline: none; } :focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
  .sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  .launcher { position: fixed; right: max(20px, env(safe-area-inset-right)); bottom: max(20px, env(safe-area-inset-bottom));
    width: 60px; height: 60px; border: 0; border-radius: 50%; background: var(--accent); color: var(--on-accent);
    box-shadow: var(--shadow); cursor: pointer; display: grid; place-items: center; z-index: 2147483000; transition: transform .15s; }
  .launcher:hover { transform: translateY(-2px); }
  .launcher svg { width: 28px; height: 28px; }
  .badge { position: absolute; top: -4px; right: -4px; min-width: 24px; height: 24px; padding: 0 6px; border-radius: 12px;
    background: #b42318; color: #fff; font-size: 13px; font-weight: 700; line-height: 24px; text-align: center; }
  .panel { display: flex; flex-direction: column; background: var(--bg); color: var(--ink); overflow: hidden; }
  .bubble .panel { position: fixed; right: max(20px, env(safe-area-inset-right)); bottom: 96px; width: 400px;
    height: min(680px, calc(100dvh - 120px)); border-radius: 18px; border: 1px solid var(--line); box-shadow: var(--shadow);
    z-index: 2147483000; animation: rise .18s ease-out; }
  .left .launcher, .left .panel { right: auto; left: max(20px, env(safe-area-inset-left)); }
  .page { height: 100%; } .page .panel { height: 100%; }
  .page .inner { width: 100%; max-width: 780px; margin-inline: auto; }
  @keyframes rise { from { opacity: 0; transform: translateY(10px); } }
  header { display: flex; align-items: center; gap: 12px; padding: 12px 16px; border-bottom: 1px solid var(--line); background: var(--bg); }
  .page header, .page .banner { padding-inline: max(16px, calc((100% - 780px) / 2)); }
  .mark { flex: none; width: 40px; height: 40px; border-radius: 12px; background: var(--accent); color: var(--on-accent); display: grid; place-items: center; }
  .mark svg { width: 24px; height: 24px; } .mark:has(img) { background: none; } .mark img { max-width: 40px; max-height: 40px; border-radius: 8px; }
  .who { min-width: 0; flex: 1; } .who h2 { margin: 0; font-size: 16px; line-height: 1.3; font-weight: 650; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .status { margin: 0; font-size: 13px; color: var(--ink-soft); display: flex; align-items: center; gap: 6px; }
  .dot { width: 8px; height: 8px; border-radius: 50%; background: var(--edge); flex: none; } .dot.on { background: #16a34a; } .dot.off { background: #d97706; }
  .plain { border: 0; background: transparent; min-width: 40px; height: 40px; border-radius: 10px; cursor: pointer; display: grid; place-items: center; color: var(--ink-soft); }
  .plain:hover { background: var(--bg-soft); color: var(--ink); } .plain svg { width: 20px; height: 20px; }
  .banner { padding: 8px 16px; background: var(--warn-bg); color: var(--warn-ink); border-bottom: 1px solid var(--warn-line); font-size: 14px; }
  .banner.bad { background: var(--bad-bg); color: var(--bad-ink); border-color: currentColor; }
  .banner:not([hidden]) { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; }
  .banner button { min-height: 32px; padding: 2px 10px; border-radius: 8px; border: 1px solid currentColor; background: transparent; font-weight: 600; cursor: pointer; }
  .scroll { position: relative; flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 16px; scroll-padding: 16px; }
  .empty { display: flex; flex-direction: column; gap: 12px; padding: 12px 0; }
  .empty.off { display: none; }
  /* On its own page an empty chat stands in the middle, under the mark. */
  .page .scroll:has(.empty:not([hidden], .off)) { background: linear-gradient(color-mix(in srgb, var(--accent) 9%, var(--bg)), var(--bg) 440px); }
  .page .scroll > .inner:has(> .empty:not([hidden], .off)) { min-height: 100%; display: flex; flex-direction: column; justify-content: center; }
  .page .empty { align-items: center; text-align: center; } .page .chips { justify-content: center; } .page .ask { align-self: center; width: 100%; }
  .crest { width: 64px; height: 64px; border-radius: 20px; } .crest svg { width: 38px; height: 38px; } .crest img { max-width: 64px; max-height: 64px; }
  .empty h3 { margin: 0; font-size: 24px; line-height: 1.25; letter-spacing: -.01em; font-weight: 650; text-wrap: balance; }
  .empty p { margin: 0; color: var(--ink-soft); max-width: 60ch; }
  .chips { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 4px; }
  .chips button { border: 1px solid var(--edge); background: var(--bg); border-radius: 12px; padding: 9px 14px; min-height: 40px; cursor: pointer; text-align: start; font-size: 14px; line-height: 1.4; }
  .chips button:hover { border-color: var(--accent); background: var(--bg-soft); }
  ol { list-style: none; margin: 0; padding: 0; display: flex; flex-direction: column; gap: 4px; }
  li { display: flex; flex-direction: column; align-items: flex-start; max-width: 100%; }
  li.me { align-items: flex-end; } li + li.turn { margin-top: 12px; }
  .name { font-size: 13px; color: var(--ink-soft); margin: 0 0 3px 2px; font-weight: 600; }
  .face { display: inline-grid; place-items: center; vertical-align: middle; overflow: hidden; width: 24px; height: 24px; margin-inline-end: 6px; border-radius: 50%; background: var(--accent); color: var(--on-accent); font-size: 12px; } .face img { width: 100%; height: 100%; }
  .text { padding: 9px 14px; border-radius: 16px; background: var(--theirs); max-width: min(88%, 62ch); white-space: pre-wrap; overflow-wrap: anywhere; }
  .text > * { margin: 0; } .text > * + * { margin-top: 8px; } .text ul { list-style: disc; padding-inline-start: 20px; }
  .text li { display: list-item; } .text li + li { margin-top: 2px; }
  .agent .text, .person .text { border-start-start-radius: 6px; } .me .text { background: var(--mine); color: var(--on-mine); border-end-end-radius: 6px; }
  .sources { list-style: none; margin: 6px 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 6px; max-width: min(88%, 62ch); font-size: 13px; }
  .sources li > * { display: flex; gap: 8px; align-items: baseline; min-height: 40px; padding: 6px 12px; border: 1px solid var(--line); border-radius: 12px; background: var(--bg-soft); color: inherit; text-decoration: none; }
  .sources a:hover { border-color: var(--accent); } .sources a > span { text-decoration: underline; text-underline-offset: 2px; } .sources b { color: var(--ink-soft); font-variant-numeric: tabular-nums; }
  .sources span { min-width: 0; overflow-wrap: anywhere; } .sources small { display: block; color: var(--ink-soft); font-size: 12px; }
  .system .text { background: transparent; color: var(--ink-soft); font-size: 14px; padding: 4px 2px; }
  .tray { list-style: none; margin: 0 0 8px; padding: 0; display: flex; flex-wrap: wrap; gap: 6px; } .tray li { flex-direction: row; align-items: center; }
  .tray li, .file .local { border: 1px solid var(--line); border-radius: 12px; background: var(--bg-soft); } .local { display: flex; align-items: center; gap: 8px; min-width: 0; padding: 6px 10px; font-size: 13px; }
  .local > span { min-width: 0; overflow-wrap: anywhere; } .local small { display: block; color: var(--ink-soft); font-size: 12px; } .local svg { flex: none; width: 18px; height: 18px; }
  .local .picture { max-width: 160px; max-height: 120px; border-radius: 8px; } .tray .picture { width: 40px; height: 40px; object-fit: cover; } .file .local { color: var(--ink); } .file .local:has(.picture) { flex-direction: column; align-items: flex-end; text-align: end; }
  progress { width: 96px; height: 6px; accent-color: var(--accent); } .me .file { justify-items: end; } .failed .meta { flex-wrap: wrap; justify-content: flex-end; }
  .file { display: grid; gap: 6px; justify-items: start; max-width: min(88%, 62ch); margin-top: 4px; }
  .picture { display: block; max-width: 100%; max-height: 320px; border-radius: 12px; border: 1px solid var(--line); background: var(--bg-soft); }
  .save { display: inline-flex; align-items: center; gap: 10px; min-height: 44px; max-width: 100%; padding: 6px 14px; border: 1px solid var(--edge); border-radius: 12px; background: var(--bg); cursor: pointer; text-align: start; }
  .save:hover { border-color: var(--accent); background: var(--bg-soft); } .save:disabled { cursor: progress; } .save svg { flex: none; width: 18px; height: 18px; }
  .save span { min-width: 0; overflow-wrap: anywhere; font-size: 14px; } .save small { display: block; color: var(--ink-soft); font-size: 12px; }
  .figures { max-width: 100%; overflow-x: auto; margin-top: 6px; border: 1px solid var(--line); border-radius: 12px; }
  .figures table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; width: 100%; }
  .figures caption { padding: 8px 10px; text-align: start; font-weight: 600; }
  .figures th, .figures td { padding: 5px 10px; border-top: 1px solid var(--line); text-align: end; white-space: nowrap; vertical-align: top; font-weight: 400; }
  .figures th:first-child { text-align: start; font-weight: 600; white-space: normal; } .figures thead th { color: var(--ink-soft); }
  .bar { display: block; height: 4px; margin-top: 3px; margin-inline-start: auto; border-radius: 2px; background: var(--accent); }
  .meta { font-size: 12px; color: var(--ink-soft); margin: 2px 4px 0; display: flex; gap: 6px; align-items: center; }
  .meta svg { width: 14px; height: 14px; } .failed .meta { color: var(--bad-ink); font-weight: 600; }
  .again { border: 1px solid currentColor; background: transparent; border-radius: 8px; min-height: 28px; padding: 2px 10px; cursor: pointer; font-size: 13px; }
  .card { border: 1px solid var(--line); border-radius: 16px; background: var(--bg-soft); padding: 12px 14px; width: min(100%, 460px); margin: 4px 0; }
  .card .top { display: flex; align-items: center; justify-content: space-between; gap: 8px; flex-wrap: wrap; }
  .ref { font-weight: 700; font-variant-numeric: tabular-nums; }
  .chip { display: inline-flex; gap: 6px; align-items: center; border-radius: 999px; padding: 3px 10px; font-size: 13px; font-weight: 600; background: var(--warn-bg); color: var(--warn-ink); border: 1px solid var(--warn-line); }
  .chip.good { background: var(--good-bg); color: var(--good-ink); border-color: currentColor; } .chip.bad { background: var(--bad-bg); color: var(--bad-ink); border-color: currentColor; }
  .marks { display: flex; gap: 4px; margin-top: 6px; }
  .marks button { width: 44px; height: 44px; border: 1px solid var(--edge); border-radius: 12px; background: var(--bg); cursor: pointer; font-size: 20px; line-height: 1; color: var(--ink-soft); }
  .marks button:hover { border-color: var(--accent); } .marks button:disabled { cursor: default; } .marks button:disabled:hover { border-color: var(--edge); } .card p.said { margin-top: 2px; padding: 8px 12px; border: 1px solid var(--line); border-radius: 12px; background: var(--bg); } .marks button.on { color: var(--on-accent); background: var(--accent); border-color: var(--accent); }
  .comment { display: grid; gap: 8px; margin-top: 10px; justify-items: start; } .comment label { font-size: 14px; }
  .comment textarea { width: 100%; border: 1px solid var(--edge); border-radius: 12px; padding: 8px 12px; background: var(--bg); } .comment textarea:focus-visible { outline: 3px solid var(--focus); }
  .choices { display: flex; flex-wrap: wrap; justify-content: center; } .choices button + button { background: none; color: inherit; border: 1px solid var(--edge); }
  .comment button { min-height: 44px; padding: 6px 16px; border: 0; border-radius: 12px; background: var(--accent); color: var(--on-accent); font-weight: 600; cursor: pointer; }
  .card p { margin: 8px 0 0; overflow-wrap: anywhere; white-space: pre-wrap; } .card .note { color: var(--ink-soft); font-size: 14px; }
  .typing { display: inline-flex; align-items: center; gap: 5px; padding: 12px 14px; margin-top: 12px; border-radius: 16px; background: var(--theirs); font-size: 14px; } .typing span { margin-inline-start: 4px; }
  .typing i { width: 7px; height: 7px; border-radius: 50%; background: var(--ink-soft); animation: bob 1.2s infinite; } .typing i:nth-child(2) { animation-delay: .15s; } .typing i:nth-child(3) { animation-delay: .3s; }
  @keyframes bob { 0%, 60%, 100% { transform: none; opacity: .5; } 30% { transform: translateY(-4px); opacity: 1; } }
  .draft { margin-top: 12px; } .draft .text { unicode-bidi: plaintext; }
  .asking .compose, .asking .chips, .asking .empty p { display: none; }
  .ask { display: grid; gap: 6px; padding: 12px 0; max-width: 420px; } .ask label { font-size: 14px; font-weight: 600; } .ask button { justify-self: start; margin-top: 8px; min-height: 44px; padding: 8px 20px; border: 0; border-radius: 12px; background: var(--accent); color: var(--on-accent); font-weight: 600; cursor: pointer; }
  .ask input:not([type="checkbox"]) { font: inherit; color: inherit; min-height: 44px; padding: 8px 12px; border: 1px solid var(--edge); border-radius: 12px; background: var(--bg); } .ask .agree { display: flex; gap: 10px; align-items: flex-start; font-weight: 400; margin-top: 6px; } .agree input { flex: none; width: 20px; height: 20px; margin: 0; accent-color: var(--accent); } .ask .problem { margin: 0; }
  .compose { border-top: 1px solid var(--line); padding: 12px 16px max(12px, env(safe-area-inset-bottom)); background: var(--bg); }
  .box { display: flex; align-items: flex-end; gap: 8px; border: 1px solid var(--edge); border-radius: 16px; padding: 5px; background: var(--bg); }
  .box:focus-within { border-color: var(--focus); box-shadow: 0 0 0 2px var(--focus); }
  textarea { flex: 1; border: 0; background: transparent; resize: none; padding: 8px 0; min-height: 40px; max-height: 168px; line-height: 1.5; min-width: 0; }
  .box:has(textarea:disabled) { background: var(--bg-soft); } textarea:disabled { cursor: not-allowed; }
  textarea:focus-visible { outline: none; } textarea::placeholder { color: var(--ink-soft); opacity: 1; }
  .send, .stop { flex: none; width: 40px; height: 40px; border: 0; border-radius: 12px; background: var(--accent); color: var(--on-accent); display: grid; place-items: center; cursor: pointer; }
  .send[aria-disabled="true"] { background: var(--bg); color: var(--ink-soft); box-shadow: inset 0 0 0 1px var(--edge); cursor: default; } .send svg, .stop svg { width: 20px; height: 20px; } .stop svg { fill: currentColor; }
  .stop { background: var(--bg-soft); color: var(--ink); border: 1px solid var(--edge); }
  .compose.off #hint { visibility: hidden; } @media (hover: none) { #hint { display: none; } }
  .below { display: flex; justify-content: space-between; gap: 12px; font-size: 12px; color: var(--ink-soft); margin-top: 6px; min-height: 18px; }
  .count { font-variant-numeric: tabular-nums; margin-inline-start: auto; white-space: nowrap; } .count.over { color: var(--bad-ink); font-weight: 700; }
  .problem { color: var(--bad-ink); font-size: 14px; margin: 0 0 8px; }
  @media (max-width: 480px) { .bubble .panel { inset: 0; width: 100%; height: 100dvh; border: 0; border-radius: 0; }
    .bubble.open .launcher { display: none; } textarea { font-size: 16px; } .page .empty h3 { font-size: 21px; } }
  @media (prefers-reduced-motion: reduce) { *, *::before, *::after { animation: none !important; transition: none !important; scroll-behavior: auto !important; } }
  @media (forced-colors: active) { .text, .card, .launcher, .send, .mark { border: 1px solid CanvasText; } }
  `;

  // ---------------------------------------------------------------- texts
  const WORDS = {}; // sentences in other languages by language; the server fills them in
  const named = document.querySelector("walker-chat[language]");
  const LANGUAGE = ((named && named.getAttribute("language")) || document.documentElement.lang || navigator.language || "en").slice(0, 2).toLowerCase();
  const t = (text, values = {}) => ((WORDS[LANGUAGE] || {})[text] || text).replace(/\{(\w+)\}/g, (whole, name) => name in values ? values[name] : whole);
  const APPROVAL = {
    pending: [t("Waiting for approval"), ""], info_requested: [t("Question asked"), ""], returned: [t("Sent back for changes"), ""],
    approved: [t("Approved"), ""], executing: [t("In progress"), ""], unknown: [t("Checking the outcome"), ""],
    executed: [t("Done"), "good"], failed: [t("Failed"), "bad"], rejected: [t("Rejected"), "bad"],
    expired: [t("Expired"), "bad"], cancelled: [t("Cancelled"), "bad"], superseded: [t("Replaced by a newer request"), "bad"],
  };
  const MARKS = [t("Very poor"), t("Poor"), t("Fair"), t("Good"), t("Very good")];
  const STATUS = { sending: t("Sending…"), waiting: t("Waiting to be sent…"), sent: t("Sent"), received: t("Sent"), delivered: t("Delivered"), read: t("Read"), failed: t("Not sent") };
  const PROBLEMS = {
    too_long: (f) => t("Your message is longer than {limit} characters. Shorten it and send it again.", { limit: f.limit || LIMIT }),
    empty: () => t("Write a message first."),
    too_many: () => t("You're sending messages too quickly. Wait a moment and try again."),
    closed: () => t("This chat is closed. Write again to start a new one."),
    form_first: () => t("Fill in the form first."),
  };
  const NO_KIND = () => t("This file can't be sent here. Send a picture or a PDF.");
  const BAD_FILE = {
    ...PROBLEMS, empty: () => t("This file is empty."), too_large: () => t("A file can have up to 10 MB, and all files of a message 16 MB together."),
    too_many_files: () => t("Send at most {count} files with one message.", { count: FILES }),
    too_many_pixels: () => t("This picture has too many pixels. Make it smaller and send it again."), damaged: () => t("This file is damaged. Save it again and send the new one."),
    executable: NO_KIND, markup: NO_KIND, archive: NO_KIND, disguised: NO_KIND, unknown: NO_KIND, kind_refused: NO_KIND,
  };
  const ICON = {
    chat: "M4 6a3 3 0 0 1 3-3h10a3 3 0 0 1 3 3v7a3 3 0 0 1-3 3h-6l-5 4.5V15.800A3 3 0 0 1 4 13z",
    close: "M6 6l12 12M18 6L6 18", send: "M5 12h13M12 5l7 7-7 7", stop: "M7 7h10v10H7z", tick: "M5 12.500l4.500 4.500L19 7.500",
    clip: "M20 11.500l-8 8a5 5 0 0 1-7-7l8.500-8.500a3.500 3.500 0 0 1 5 5L10 17.500a2 2 0 0 1-3-3l7.500-7.500",
    down: "M12 4v11M7 11l5 5 5-5M5 20h14",
    clock: "M12 7v5l3 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18", mark: "M4 7l4 11 4-9.500 4 9.500 4-11",
  };

  const el = (tag, props = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
      if (value === null || value === undefined || value === false) continue;
      if (name === "class") node.className = value;
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value === true ? "" : String(value));
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  };
  const icon = (name) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    const facts = { viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": "2", "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true", focusable: "false" };
    for (const [key, value] of Object.entries(facts)) svg.setAttribute(key, value);
    path.setAttribute("d", ICON[name]);
    svg.append(path);
    return svg;
  };
  const DARK = window.matchMedia("(prefers-color-scheme: dark)");
  const siteIsDark = () => { // by what is painted behind its text; a page that paints nothing is white, or what its scheme says
    for (const node of [document.body, document.documentElement]) {
      const [red, green, blue, alpha = 1] = (getComputedStyle(node).backgroundColor.match(/[\d.]+/g) || []).map(Number);
      if (blue !== undefined && alpha) return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
    }
    const scheme = getComputedStyle(document.documentElement).colorScheme;
    return /dark/.test(scheme) && (!/light/.test(scheme) || DARK.matches);
  };
  const uuid = () => {
    if (crypto.randomUUID) return crypto.randomUUID(); // absent on plain-http pages
    const b = crypto.getRandomValues(new Uint8Array(16));
    b[6] = (b[6] & 0x0f) | 0x40; b[8] = (b[8] & 0x3f) | 0x80;
    const h = [...b].map((x) => x.toString(16).padStart(2, "0")).join("");
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
  };
  // Paragraphs, and lists of lines that begin with "- ". Only text nodes are created, so markup in a message is shown and never runs.
  const formatted = (text) => {
    const blocks = [];
    let lines = [], list = null;
    const end = () => { if (lines.length) blocks.push(el("p", { dir: "auto" }, lines.join("\n"))); lines = []; list = null; };
    for (const line of text.replace(/\r\n?/g, "\n").split("\n")) {
      const item = /^\s*[-*•]\s+(\S.*)$/.exec(line);
      if (!line.trim()) end();
      else if (item) { if (!list) { end(); list = el("ul", { dir: "auto" }); blocks.push(list); } list.append(el("li", {}, item[1])); }
      else { if (list) end(); lines.push(line); }
    }
    end();
    return blocks;
  };
  // Addresses of sources are the organisation's own; anything but the web is shown as text.
  const sourcesOf = (sources) => sources.length ? el("ul", { class: "sources", "aria-label": t("Sources") }, ...sources.map((one) => {
    const web = /^https?:\/\/(?:[^/?#]*@)?([^/?#]+)/i.exec(one.url || ""), inside = [el("b", {}, `[${one.n}]`), el("span", {}, one.title, web ? el("small", {}, web[1]) : null)];
    return el("li", {}, web ? el("a", { href: one.url, target: "_blank", rel: "noopener noreferrer nofollow" }, ...inside) : el("span", {}, ...inside));
  })) : null;
  const size = (bytes) => bytes < 1024 ? t("{count} bytes", { count: bytes }) : bytes < 1048576 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
  const NO_ANSWER = { rating: 0, commented: false, words: "" };
  const bare = (text) => (text || "").replace(/[\s\p{C}]/gu, ""); // the server trims a comment and drops what it can't store
  const length = (text) => [...text].length; // code points, as the server counts
  const time = (iso) => { const d = iso ? new Date(iso) : new Date(); return Number.isNaN(+d) ? "" : d.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" }); };

  // ---------------------------------------------------------------- line: session, socket, resume, outbox
  class Line extends EventTarget {
    constructor(options) {
      super();
      this.options = options; // {base, widget, identity(), identityUrl}
      this.seq = 0; this.conversation = null; this.outbox = new Map(); this.uploads = new Map();
      this.who = undefined; this.draft = ""; this.tries = 0; this.state = "idle"; this.token = null; this.expires = 0; this.timers = {};
      this.wake = () => { if (!this.closed && this.state !== "online" && this.state !== "refused") { this.tries = 0; this.renew(); } };
      this.sleep = () => this.set("offline");
    }
    start() {
      if (this.started) return;
      this.started = true; this.closed = false;
      window.addEventListener("online", this.wake);
      window.addEventListener("offline", this.sleep);
      if (!this.options.identityUrl) this.meet(this.options.identity());
      this.connect();
    }
    stopAll() {
      this.closed = true; this.started = false;
      window.removeEventListener("online", this.wake);
      window.removeEventListener("offline", this.sleep);
      Object.values(this.timers).forEach(clearTimeout);
      if (this.socket) this.socket.close(1000);
    }
    emit(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
    set(state, why = "") { this.state = state; this.emit("state", { state, why }); }
    key() { return `walker:${this.options.base}:${this.options.widget}`; }
    remembered() { try { return localStorage.getItem(this.key()); } catch { return null; } }
    remember(value) { try { localStorage.setItem(this.key(), value); } catch { /* no storage: the visit lasts as long as the page */ } }

    // What isn't sent yet survives a reload of this tab, for the person who wrote it: another one who signs in here must not send it.
    unsent() { try { return JSON.parse(sessionStorage.getItem(`${this.key()}:unsent`)) || {}; } catch { return {}; } }
    keep() {
      if (this.who === undefined) return; // nobody has said yet who is here: what is stored may be another person's, or this one's from before
      try {
        const draft = [...this.uploads.values(), this.draft].filter(Boolean).join("\n"); // files don't survive a reload: their words come back to be sent with new ones
        if (this.outbox.size || draft) sessionStorage.setItem(`${this.key()}:unsent`, JSON.stringify({ who: this.who, texts: [...this.outbox].slice(-20), draft }));
        else sessionStorage.removeItem(`${this.key()}:unsent`);
      } catch { /* no storage: it lasts as long as the page */ }
    }
    meet(identity) { // the subject of the signed identity; the server checks it, here it only tells people apart
      if (this.who !== undefined) return;
      this.who = "visitor";
      if (identity) { try { this.who = `signed:${JSON.parse(atob(identity.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sub}`; } catch { this.who = identity; } }
      const { who, texts, draft } = this.unsent();
      if (who === this.who) {
        for (const [id, kept] of texts || []) if (!this.outbox.has(id)) { const said = typeof kept === "string" ? { message: kept } : kept; this.outbox.set(id, said); this.emit("unsent", { id, message: said.message }); }
        if (draft) { this.draft = draft; this.emit("unsent", { draft }); }
      }
      this.keep();
    }

    async identity(again) {
      const { identity, identityUrl } = this.options;
      if (!identityUrl || (!again && identity())) return identity();
      const answer = await fetch(identityUrl, { credentials: "same-origin", headers: { Accept: "application/json" } });
      if (answer.ok) return (await answer.json()).identity;
      if (answer.status >= 500 && !identity()) throw new Error("No identity"); // the site is in trouble: nobody becomes a stranger for that
      return identity();
    }
    async session() {
      const again = this.visited; // a signed identity works once; fetch a new one for later sessions
      this.visited = true;
      const body = { widget: this.options.widget, language: LANGUAGE, visitor: this.remembered() || undefined, identity: (await this.identity(again)) || undefined };
      if (this.token && Date.now() < this.expires - 1000) { body.token = this.token; delete body.identity; } else this.meet(body.identity);
      // text/plain keeps this a simple cross-origin request: no preflight
      const answer = await fetch(`${this.options.base}/widget/v1/session/`, {
        method: "POST", mode: "cors", credentials: "omit", referrerPolicy: "strict-origin",
        headers: { "Content-Type": "text/plain;charset=UTF-8" }, body: JSON.stringify(body),
      });
      const said = await answer.json().catch(() => ({}));
      if (body.token && said.code === "bad_identity") { this.token = null; return this.session(); } // the sign-in behind the token was revoked: start a new session
      if (!answer.ok) throw Object.assign(new Error(said.detail || "No session"), { status: answer.status, code: said.code });
      this.token = said.token; this.path = said.ws_path;
      const life = 1000 * Math.min(said.expires_in || 900, 86400); // a duration, because the visitor's clock may be wrong
      this.expires = Date.now() + life;
      if (said.visitor) this.remember(said.visitor);
      clearTimeout(this.timers.refresh);
      this.timers.refresh = setTimeout(() => this.refresh(), Math.max(20000, life - 90000));
      this.emit("session", said);
    }
    async refresh() {
      try { await this.session(); this.raw({ type: "auth", token: this.token }); } catch (problem) { this.missed(problem); }
    }
    missed(problem) { if (FINAL.has(problem.status)) this.refuse(problem.status === 404 ? "unknown" : problem.code); else if (problem.status === 429 || problem.status === 503) this.later(4, "busy"); else this.later(); }
    refuse(why = "refused") { // a retry won't help: stop, and tell the page's developer why
      console.warn(`Walker chat: refused (${why}). ${why in HINTS ? HINTS[why] : ""} Reload the page to try again.`);
      this.set("refused", why);
    }

    renew() { // a socket from before the network loss may never close: open a new one
      const old = this.socket;
      this.socket = null;
      if (old) old.close(1000);
      this.connect();
    }
    async connect() {
      if (this.closed || this.busy || (this.socket && this.socket.readyState < 2)) return;
      clearTimeout(this.timers.retry);
      this.busy = true;
      this.set(navigator.onLine === false ? "offline" : "connecting");
      try {
        if (!this.token || Date.now() > this.expires - 5000) { this.token = null; await this.session(); }
        this.dial();
      } catch (problem) { this.missed(problem); } finally { this.busy = false; }
    }
    dial() {
      const url = new URL(this.path || "/ws/chat/", this.options.base);
      url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
      const socket = new WebSocket(url);
      this.socket = socket;
      socket.onopen = () => socket.send(JSON.stringify({ type: "auth", token: this.token }));
      socket.onmessage = (event) => { if (socket === this.socket) this.read(event.data); };
      socket.onclose = (event) => { if (socket === this.socket) this.dropped(event.code); };
    }
    dropped(code) {
      this.socket = null;
      clearTimeout(this.timers.ack);
      if (this.closed) return;
      if (code === 4403) return this.refuse("origin");
      if (code === 4401) this.token = null;
      if (code === 4429 || code === 1013) this.later(4, "busy"); else this.later(code === 4400 ? 3 : 0);
    }
    later(atLeast = 0, state = "offline") {
      if (this.closed) return;
      this.set(state);
      const wait = BACKOFF[Math.min(Math.max(this.tries, atLeast), BACKOFF.length - 1)];
      this.tries += 1;
      clearTimeout(this.timers.retry);
      this.timers.retry = setTimeout(() => this.connect(), wait * (0.75 + Math.random() / 2)); // many pages must not come back at once
    }
    raw(frame) {
      if (!this.socket || this.socket.readyState !== 1) return false;
      this.socket.send(JSON.stringify(frame));
      return true;
    }
    read(data) {
      let frame;
      try { frame = JSON.parse(data); } catch { return; }
      if (frame.type === "connected") return this.welcomed(frame);
      if (frame.type === "snapshot") { this.conversation = frame.conversation; this.seq = frame.seq || 0; }
      if (typeof frame.seq === "number") this.seq = Math.max(this.seq, frame.seq);
      if (frame.type === "message_received" && frame.id) { this.outbox.delete(frame.id); this.expectEcho(); }
      if (frame.type === "error" && frame.id && frame.code !== "too_many") { this.outbox.delete(frame.id); this.expectEcho(); }
      this.emit("frame", frame);
    }
    welcomed(frame) {
      this.tries = 0;
      if (frame.conversation !== this.conversation) { this.conversation = frame.conversation; this.seq = 0; this.emit("other", frame); }
      this.set("online");
      this.emit("frame", frame);
      this.raw({ type: "resume", after: this.seq });
      for (const [id, said] of this.outbox) this.raw({ type: "send_message", id, ...said }); // same id: stored once
      this.expectEcho();
    }
    async introduce(given) {
      if (!this.token || Date.now() > this.expires - 5000) await this.session();
      const answer = await fetch(`${this.options.base}/widget/v1/form/`, { method: "POST", mode: "cors", credentials: "omit", referrerPolicy: "strict-origin", headers: { Authorization: `Bearer ${this.token}` }, body: JSON.stringify(given) });
      return answer.json();
    }
    async file(id) {
      if (!this.token || Date.now() > this.expires - 5000) await this.session();
      const answer = await fetch(`${this.options.base}/widget/v1/files/${encodeURIComponent(id)}/`, { mode: "cors", credentials: "omit", referrerPolicy: "strict-origin", headers: { Authorization: `Bearer ${this.token}` } });
      if (!answer.ok) throw new Error(`No file: ${answer.status}`);
      return answer.blob();
    }
    // A message with files goes over HTTP, which says how far it is; the same id is stored once, so that it can be sent again.
    async upload(id, message, files, progress, isAgain) {
      if (!this.token || Date.now() > this.expires - 5000) { this.token = null; await this.session(); }
      const form = new FormData();
      form.append("id", id); form.append("message", message);
      for (const file of files) form.append("files", file, file.name);
      const said = await new Promise((done, failed) => {
        const call = new XMLHttpRequest();
        call.open("POST", `${this.options.base}/widget/v1/messages/`);
        call.setRequestHeader("Authorization", `Bearer ${this.token}`);
        call.upload.onprogress = (event) => { if (event.lengthComputable) progress(event.loaded / event.total); };
        call.onload = () => { let body = {}; try { body = JSON.parse(call.responseText); } catch { /* not from us */ } done({ status: call.status, body }); };
        call.onerror = call.ontimeout = () => failed(new Error("No connection"));
        call.timeout = 300000;
        call.send(form);
      });
      if (said.status === 401 && !isAgain) { this.token = null; return this.upload(id, message, files, progress, true); }
      if (said.status >= 300) throw Object.assign(new Error(said.body.detail || "Not sent"), { status: said.status, code: said.body.code });
      return said.body;
    }
    say(id, message, choice) { const said = choice ? { message, choice } : { message }; this.outbox.set(id, said); const sent = this.raw({ type: "send_message", id, ...said }); this.expectEcho(); return sent; }
    expectEcho() {
      this.keep();
      clearTimeout(this.timers.ack);
      if (this.outbox.size && this.socket) this.timers.ack = setTimeout(() => { if (this.socket) this.socket.close(4000); }, ACK_WAIT);
    }
  }

  // ---------------------------------------------------------------- component
  class WalkerChat extends HTMLElement {
    static get observedAttributes() { return ["open", "theme"]; }
    constructor() {
      super();
      this.attachShadow({ mode: "open" });
      const sheet = new CSSStyleSheet(); // constructed: needs no 'unsafe-inline'
      sheet.replaceSync(STYLE);
      this.ownSheet = new CSSStyleSheet();
      this.shadowRoot.adoptedStyleSheets = [sheet, this.ownSheet];
      this.items = new Map(); this.unfinished = new Map(); this.unread = 0; this.chosen = [];
    }
    get base() { return (this.getAttribute("base") || (HERE ? new URL(HERE).origin : location.origin)).replace(/\/+$/, ""); }
    get page() { return this.getAttribute("mode") === "page"; }
    get preview() { return this.hasAttribute("preview"); } // beside the settings in the console: shows what it is given, connects to nothing
    get opened() { return this.page || this.hasAttribute("open"); }
    set identity(value) { this.signed = value; if (this.line && this.line.state === "refused") this.restart(); }
    connectedCallback() {
      if (!this.built) this.build();
      this.line = new Line({
        base: this.base, widget: this.getAttribute("widget") || "",
        identity: () => this.signed || this.getAttribute("identity"), identityUrl: this.getAttribute("identity-url"),
      });
      this.line.addEventListener("state", (event) => this.showState(event.detail));
      this.line.addEventListener("frame", (event) => this.take(event.detail));
      this.line.addEventListener("session", (event) => this.introduce(event.detail));
      this.line.addEventListener("other", () => this.forget());
      this.line.addEventListener("unsent", (event) => this.restore(event.detail));
      // No session before the chat is opened, unless there is a conversation to resume.
      if (!this.preview && (this.opened || this.line.remembered() || this.line.unsent().texts)) this.line.start();
      this.showOpen();
      this.dress = this.dress || (() => this.showTheme());
      this.dress(); // a theme of the channel follows with its look
      DARK.addEventListener("change", this.dress);
      this.watcher = this.watcher || new MutationObserver(this.dress); // a website may switch its theme
      for (const node of [document.documentElement, document.body]) this.watcher.observe(node, { attributes: true });
      if (this.preview) for (const part of [this.parts.text, this.parts.clip, this.parts.send]) part.disabled = true;
      else this.findLook();
    }
    disconnectedCallback() { if (this.line) this.line.stopAll(); clearTimeout(this.typingSent); DARK.removeEventListener("change", this.dress); this.watcher.disconnect(); }
    // ---- look: known before anybody opens the chat, so that its button is right from the start
    async findLook() {
      this.parts.launcher.hidden = true;
      try {
        const answer = await fetch(`${this.base}/widget/v1/look/${encodeURIComponent(this.getAttribute("widget") || "")}/`, { mode: "cors", credentials: "omit", referrerPolicy: "strict-origin", signal: AbortSignal.timeout ? AbortSignal.timeout(4000) : undefined });
        if (answer.ok) { const look = await answer.json(); this.applyLook({ ...look, logo: look.logo && new URL(look.logo, this.base).href }); }
      } catch { /* it looks as it always did */ }
      this.parts.launcher.hidden = false;
    }
    applyLook(look) {
      const p = this.parts, colours = { own: look.accent, "on-own": look.on_accent, "own-dark": look.accent_dark, "on-own-dark": look.on_accent_dark };
      this.look = look;
      this.ownSheet.replaceSync(`:host { ${Object.entries(colours).filter(([, colour]) => colour && CSS.supports("color", colour)).map(([name, colour]) => `--${name}: ${colour};`).join(" ")} }`);
      p.root.classList.toggle("left", look.position === "left");
      this.showTheme();
      if (look.logo === this.logo) return;
      this.logo = look.logo;
      for (const mark of [p.mark, p.crest]) {
        mark.replaceChildren(icon("mark"));
        if (look.logo) this.picture(look.logo, (view) => { if (this.logo === look.logo) mark.replaceChildren(view); });
      }
    }
    picture(url, show) { // each is fetched once; what stands in its place stays until then, and where it fails
      this.pictures = this.pictures || new Map();
      if (!this.pictures.has(url)) this.pictures.set(url, fetch(url, { credentials: "omit" }).then((answer) => answer.ok ? answer.blob() : null).then((blob) => blob && URL.createObjectURL(blob)).catch(() => null));
      this.pictures.get(url).then((src) => { if (src) show(el("img", { alt: "", src })); });
    }
    showTheme() {
      const theme = this.getAttribute("theme") || (this.look && this.look.theme);
      this.parts.root.classList.toggle("night", theme === "dark" || (theme === "site" ? siteIsDark() : theme !== "light" && DARK.matches));
    }
    show({ look, greeting, takes_files, messages }) { // what the preview is given
      this.applyLook(look);
      for (const item of this.items.values()) item.node.remove();
      this.items.clear();
      this.introduce({ greeting, takes_files });
      this.quiet = true; messages.forEach((frame) => this.take(frame)); this.quiet = false;
      this.parts.empty.hidden = false;
    }
    attributeChangedCallback(name) { if (this.built && name === "theme") this.showTheme(); else if (this.built) this.showOpen(true); }
    restart() { this.line.stopAll(); this.connectedCallback(); }
    open() { this.setAttribute("open", ""); }
    close() { this.removeAttribute("open"); }

    build() {
      this.built = true;
      const p = (this.parts = {});
      p.badge = el("span", { class: "badge", hidden: true });
      p.launcher = el("button", { class: "launcher", type: "button", "aria-haspopup": "dialog", "aria-expanded": "false", "aria-controls": "panel", onclick: () => (this.opened ? this.close() : this.open()) }, icon("chat"), p.badge);
      p.title = el("h2", { id: "title" }, this.getAttribute("name") || t("Chat with us"));
      p.dot = el("span", { class: "dot", "aria-hidden": "true" });
      p.state = el("span", {}, t("Not connected"));
      p.closer = el("button", { class: "plain", type: "button", "aria-label": t("Close the chat"), onclick: () => this.close() }, icon("close"));
      p.mark = el("span", { class: "mark", "aria-hidden": "true" }, icon("mark"));
      p.crest = el("span", { class: "mark crest", "aria-hidden": "true" }, icon("mark"));
      p.header = el("header", {}, p.mark, el("div", { class: "who" }, p.title, el("p", { class: "status", role: "status" }, p.dot, p.state)), this.page ? null : p.closer);
      p.banner = el("div", { class: "banner", role: "status", hidden: true });
      p.empty = el("div", { class: "empty" });
      p.ask = el("form", { class: "ask", novalidate: true, hidden: true, onsubmit: (event) => { event.preventDefault(); this.answerForm(); } });
      p.list = el("ol");
      p.log = el("div", { role: "log", "aria-live": "polite", "aria-relevant": "additions", "aria-label": t("Messages") }, p.list);
      p.draft = el("div", { class: "draft agent", "aria-hidden": "true", hidden: true }, el("div", { class: "text" }));
      p.writer = el("span", { class: "sr" });
      p.typing = el("div", { class: "typing", hidden: true }, el("i"), el("i"), el("i"), p.writer);
      p.scroll = el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": t("Conversation") }, el("div", { class: "inner" }, p.empty, p.ask, p.log, p.draft, p.typing));
      p.problem = el("p", { class: "problem", id: "problem", role: "alert", hidden: true });
      p.text = el("textarea", { id: "text", dir: "auto", rows: "1", placeholder: t("Write a message"), autocomplete: "off", enterkeyhint: "send", "aria-describedby": "hint count problem", oninput: () => this.typed(), onkeydown: (event) => this.pressed(event), onpaste: (event) => { if (event.clipboardData.files.length) { event.preventDefault(); this.attach(event.clipboardData.files); } } });
      p.files = el("input", { type: "file", class: "sr", accept: ACCEPTED, multiple: true, tabindex: "-1", "aria-hidden": "true", onchange: () => { this.attach(p.files.files); p.files.value = ""; } });
      p.clip = el("button", { class: "plain", type: "button", "aria-label": t("Attach pictures or PDFs"), title: t("Attach pictures or PDFs"), onclick: () => p.files.click() }, icon("clip"));
      p.tray = el("ul", { class: "tray", "aria-label": t("Files to send"), hidden: true });
      p.send = el("button", { class: "send", type: "submit", "aria-label": t("Send"), "aria-disabled": "true" }, icon("send"));
      p.stop = el("button", { class: "stop", type: "button", "aria-label": t("Stop the answer"), hidden: true, onclick: () => this.halt() }, icon("stop"));
      p.count = el("span", { class: "count", id: "count", "aria-live": "polite" });
      p.form = el("form", { class: "compose", novalidate: true, onsubmit: (event) => { event.preventDefault(); this.submit(); } }, el("div", { class: "inner" }, p.problem, el("label", { class: "sr", for: "text" }, t("Your message")), p.tray, p.files, el("div", { class: "box" }, p.clip, p.text, p.stop, p.send), el("div", { class: "below" }, el("span", { id: "hint" }, t("Enter to send, Shift+Enter for a new line")), p.count)));
      p.panel = el("section", { class: "panel", id: "panel", role: this.page ? "region" : "dialog", "aria-labelledby": "title", onkeydown: (event) => this.keys(event), ondragover: (event) => event.preventDefault(), ondrop: (event) => { event.preventDefault(); this.attach(event.dataTransfer.files); } }, p.header, p.banner, p.scroll, p.form);
      p.root = el("div", { class: this.page ? "page" : "bubble" }, this.page ? null : p.panel, this.page ? p.panel : p.launcher);
      this.shadowRoot.append(p.root);
      this.introduce({});
    }
    introduce(said) {
      const p = this.parts;
      if (said.title && !this.hasAttribute("name")) p.title.textContent = said.title;
      p.clip.hidden = said.takes_files === false;
      this.askFirst(said.form);
      const own = (this.getAttribute("suggestions") || "").split("|").map((x) => x.trim()).filter(Boolean);
      const ideas = said.suggestions && said.suggestions.length ? said.suggestions : own;
      p.empty.replaceChildren(
        ...(this.page ? [p.crest] : []),
        el("h3", {}, said.greeting || this.getAttribute("greeting") || t("Hello! How can we help?")),
        // Only a member can ask for changes.
        el("p", {}, said.signed_in === "member" ? t("You're chatting with an AI assistant. A person approves every change before it's made, and can join at any time.") : t("You're chatting with an AI assistant. A person can join at any time.")),
        el("slot", { name: "note" }),
        el("div", { class: "chips" }, ...ideas.slice(0, 6).map((idea) => el("button", { type: "button", onclick: () => { this.say(uuid(), idea); p.text.focus(); } }, idea))),
        el("slot", { name: "start" }),
      );
    }
    // ---- what a visitor says about themselves before they write, where the organisation asks for it
    askFirst(form) {
      const p = this.parts, had = p.root.classList.contains("asking");
      p.root.classList.toggle("asking", Boolean(form));
      p.ask.hidden = !form;
      if (!form) p.ask.replaceChildren();
      if (!form || had) return; // what was entered stays when the session is extended
      const field = (name, words, type) => [el("label", { for: `ask-${name}` }, words), el("input", { id: `ask-${name}`, name, type, autocomplete: name, maxlength: "254", "aria-describedby": `ask-${name}-wrong` }), wrong(name)];
      const wrong = (name) => el("p", { class: "problem", id: `ask-${name}-wrong`, hidden: true });
      p.ask.append(...(form.name ? field("name", t("Your name"), "text") : []), ...(form.email ? field("email", t("Your email address"), "email") : []),
        ...(form.consent ? [el("label", { class: "agree" }, el("input", { type: "checkbox", name: "agrees", "aria-describedby": "ask-agrees-wrong" }), el("span", {}, form.consent)), wrong("agrees")] : []),
        el("p", { class: "problem", role: "alert", id: "ask-wrong", hidden: true }), el("button", { type: "submit" }, t("Start the chat")));
      if (this.opened && this.shadowRoot.activeElement === p.text) p.ask.querySelector("input").focus();
    }
    async answerForm() {
      const p = this.parts, { name, email, agrees } = Object.fromEntries([...p.ask.querySelectorAll("input")].map((input) => [input.name, input]));
      const show = (wrong, other = "") => {
        const say = (id, words) => { const place = p.ask.querySelector(id); place.textContent = words || ""; place.hidden = !words; };
        for (const input of [name, email, agrees]) if (input) { say(`#ask-${input.name}-wrong`, wrong[input.name]); input.setAttribute("aria-invalid", String(Boolean(wrong[input.name]))); }
        say("#ask-wrong", other);
        const first = [name, email, agrees].find((input) => input && wrong[input.name]);
        if (first) first.focus();
        return first;
      };
      if (show({
        name: name && !name.value.trim() && t("Enter your name."), email: email && !(email.value.trim() && email.checkValidity()) && t("Enter an email address."),
        agrees: agrees && !agrees.checked && t("Tick this box to start the chat."),
      })) return;
      try {
        const said = await this.line.introduce({ name: name && name.value.trim(), email: email && email.value.trim(), agrees: agrees && agrees.checked });
        if (said.type === "introduced") { this.askFirst(null); p.text.focus(); return; }
        if (said.fields && said.fields.email) show({ email: t("Enter an email address.") });
        else show({}, said.code === "too_many" ? PROBLEMS.too_many() : t("That didn't work. Please try again."));
      } catch { show({}, t("That didn't work. Please try again.")); }
    }
    showOpen(moved) {
      const p = this.parts, open = this.opened;
      p.panel.hidden = !open;
      p.root.classList.toggle("open", open);
      p.launcher.setAttribute("aria-expanded", String(open));
      if (open) { this.unread = 0; if (this.line && !this.preview) this.line.start(); this.bottom(); }
      if (moved && !this.page) (open ? p.ask.querySelector("input") || p.text : p.launcher).focus();
      this.showBadge();
    }
    showBadge() {
      const p = this.parts;
      p.badge.hidden = !this.unread; p.badge.textContent = this.unread > 9 ? "9+" : String(this.unread);
      p.launcher.setAttribute("aria-label", this.opened ? t("Close the chat") : this.unread ? t("Open the chat, {count} unread", { count: this.unread }) : t("Open the chat"));
    }
    keys(event) {
      if (this.page) return;
      if (event.key === "Escape") { event.stopPropagation(); return this.close(); }
      if (event.key !== "Tab" || !window.matchMedia("(max-width: 480px)").matches) return; // full screen on a phone: keep the focus inside
      const stops = [...this.parts.panel.querySelectorAll("button, input:not(.sr), textarea, [tabindex='0']")].filter((node) => node.offsetParent !== null);
      const at = this.shadowRoot.activeElement;
      if (event.shiftKey && at === stops[0]) { event.preventDefault(); stops.at(-1).focus(); }
      else if (!event.shiftKey && at === stops.at(-1)) { event.preventDefault(); stops[0].focus(); }
    }

    showState({ state, why }) {
      const p = this.parts;
      const words = { online: t("Online"), connecting: t("Connecting…"), offline: t("No connection, retrying"), busy: t("Busy, trying again"), refused: t("Not available"), idle: t("Not connected") };
      clearTimeout(this.bannerTimer);
      p.state.textContent = words[state];
      p.dot.className = `dot ${state === "online" ? "on" : state === "offline" || state === "busy" ? "off" : ""}`;
      if (state === "online") { p.banner.hidden = true; }
      else if (state === "refused") this.explain(why);
      else if (state === "offline") this.bannerTimer = setTimeout(() => this.banner(t("No connection. Your messages are kept here and sent as soon as you're connected again.")), 800);
      else if (state === "busy") this.banner(t("We're busy right now and keep trying. Your messages are kept here and sent as soon as we can take them."));
      for (const item of this.items.values()) if (item.status === "sending" || item.status === "waiting") { item.status = state === "online" ? "sending" : "waiting"; this.paint(item); }
      if (state !== "online") this.typingNow(false);
      else for (const item of this.items.values()) if (item.lost) this.upload(item);
      const refused = state === "refused"; // messages could not be sent
      p.text.disabled = p.clip.disabled = refused; p.text.placeholder = refused ? t("This chat isn't available") : t("Write a message"); p.empty.classList.toggle("off", refused); p.form.classList.toggle("off", refused);
    }
    explain(why) {
      const texts = {
        unknown: t("This chat doesn't exist or has been turned off."), origin: t("Sorry, this chat isn't available on this website."),
        bad_identity: t("Your sign-in has expired. Reload the page to continue."),
      };
      this.banner(texts[why] || t("This chat isn't available right now."), true);
      if (why === "bad_identity") this.parts.banner.append(el("button", { type: "button", onclick: () => location.reload() }, t("Reload")));
    }
    banner(text, bad) { const b = this.parts.banner, follow = this.atBottom(); b.className = bad ? "banner bad" : "banner"; b.replaceChildren(el("span", {}, text)); b.hidden = false; if (follow) this.bottom(); }
    problem(text) { const p = this.parts, follow = this.atBottom(); p.problem.textContent = text; p.problem.hidden = !text; p.text.setAttribute("aria-invalid", String(Boolean(text))); if (follow) this.bottom(); }

    // ---- receiving
    take(frame) {
      const take = {
        connected: () => this.welcome(frame), snapshot: () => this.replace(frame), message_received: () => this.received(frame),
        agent_typing: () => this.typingNow(frame.value && !this.isDone(frame)), person_typing: () => this.personTyping(frame.name), agent_delta: () => this.stream(frame), agent_response: () => this.answered(frame),
        approval_pending: () => this.approval(frame), survey_rated: () => this.rated(frame), approval_closed: () => this.approval(frame),
        message_status: () => this.ticked(frame), conversation_state: () => this.desk(frame.state), error: () => this.refused(frame),
      }[frame.type];
      if (take) take();
      else if (frame.content && frame.sender) this.answered(frame); // an answer type this version does not know yet
    }
    welcome(frame) { this.desk(frame.state); this.rateAgain(); if (frame.limits && frame.limits.message) this.limit = frame.limits.message; }
    desk(state) {
      this.deskState = state;
      if (this.line.state === "online") this.parts.state.textContent = { person: t("A colleague will reply here"), closed: t("Closed. Write to reopen it") }[state] || t("Online");
    }
    forget() {
      for (const [key, item] of this.items) {
        if (!item.seq) continue;
        if (item.kind === "survey" && ((item.asked || []).length || item.draft)) this.unfinished.set(key, { ...item, node: undefined }); // it comes again with its conversation
        item.node.remove(); this.items.delete(key);
      }
    }
    replace(frame) { this.forget(); this.desk(frame.state); this.quiet = true; (frame.messages || []).forEach((old) => this.take(old)); this.quiet = false; this.bottom(); }
    received(frame) {
      const key = frame.id || frame.message_id;
      const known = this.items.get(key);
      this.upsert({ ...known, key, kind: "text", who: "me", files: (known && known.files) || frame.media || [], text: frame.content ?? (known && known.text) ?? "", seq: frame.seq, messageId: frame.message_id, at: frame.at, status: (known && known.status === "read" && "read") || frame.status || "sent" });
    }
    answered(frame) {
      const run = frame.metadata && frame.metadata.run;
      if (run) this.doneRun = run;
      if (!this.stopped) this.typingNow(false);
      this.parts.draft.hidden = true; this.parts.draft.firstChild.textContent = ""; this.stopped = false;
      const who = (frame.sender && frame.sender.type) || "agent", survey = who === "system" && frame.metadata && frame.metadata.survey;
      if (survey) {
        const key = `survey:${survey}`, unfinished = this.unfinished.get(key);
        this.unfinished.delete(key);
        this.upsert({ ...unfinished, ...this.items.get(key), key, kind: "survey", who: "system", id: survey, text: frame.content || "", seq: frame.seq, at: frame.at });
        if (unfinished) this.rateAgain();
        return this.noticed(frame);
      }
      const { approval_id: asked, approval_state: state, reference } = frame.metadata || {};
      if (who === "system" && asked && state in APPROVAL && (APPROVAL[state][1] || state === "unknown")) { // the outcome takes the place of what waited for it, where the customer reads now
        this.approval({ approval_id: asked, reference, state, detail: frame.content, seq: frame.seq, at: frame.at, moves: true });
        return this.noticed(frame);
      }
      this.upsert({ key: frame.message_id || `seq:${frame.seq}`, kind: "text", who: ["agent", "person", "system"].includes(who) ? who : "agent", name: frame.sender && frame.sender.name, face: frame.sender && frame.sender.picture, text: frame.content || "", files: frame.media || [], tables: (frame.metadata && frame.metadata.figures) || [], sources: (frame.metadata && frame.metadata.sources) || [], choices: (who === "system" && frame.metadata && frame.metadata.choices) || [], seq: frame.seq, at: frame.at });
      this.noticed(frame);
    }
    noticed(frame) {
      if (!this.quiet && !this.opened) { this.unread += 1; this.showBadge(); }
      if (!this.quiet && this.opened && document.visibilityState === "visible") this.line.raw({ type: "read", seq: frame.seq });
    }
    approval(frame) {
      const key = `approval:${frame.approval_id || frame.reference}`;
      const known = this.items.get(key) || {};
      const state = frame.state || (frame.type === "approval_pending" ? "pending" : "executed");
      this.upsert({ ...known, key, kind: "approval", who: "system", reference: frame.reference || known.reference || "", headline: frame.summary || known.headline || "", note: frame.detail || known.note || "", state, seq: (!frame.moves && known.seq) || frame.seq, at: known.at || frame.at });
    }
    rated(frame) {
      const item = this.items.get(`survey:${frame.survey}`);
      if (!item) return; // its question is further up than this page remembers
      const before = JSON.stringify([item.rating, item.commented, item.words]), known = item.kept || NO_ANSWER;
      item.kept = { rating: frame.rating, commented: frame.commented ?? known.commented, words: frame.comment ?? known.words };
      if (frame.until) item.until = Date.parse(frame.until);
      // An answer to what was pressed earlier may come after a later press: what was pressed last stays, until it is answered itself.
      const asked = item.asked || [], answered = asked.findIndex((one) => one.rating === frame.rating && (one.comment === undefined || bare(one.comment) === bare(item.kept.words)));
      item.asked = asked.slice(answered + 1);
      if (!item.asked.length) Object.assign(item, item.kept);
      if (JSON.stringify([item.rating, item.commented, item.words]) !== before) this.repaint(item);
      this.finalLater(item);
    }
    repaint(item) { // with the focus and the caret where they were
      const had = item.node.contains(this.shadowRoot.activeElement) && this.shadowRoot.activeElement, place = had && had.matches("textarea") ? "textarea" : '[aria-pressed="true"]';
      const caret = had && place === "textarea" ? [had.selectionStart, had.selectionEnd] : null;
      this.upsert(item);
      const again = had && item.node.querySelector(place);
      if (again) { again.focus({ preventScroll: true }); if (caret) again.setSelectionRange(...caret); }
    }
    rate(item, comment) {
      const known = (item.asked || []).at(-1) || item.kept || NO_ANSWER;
      this.problem("");
      if (known.rating === item.rating && (comment === undefined || comment === (known.comment ?? known.words))) return; // nothing new: it would not be answered
      item.asked = [...(item.asked || []), { rating: item.rating, comment }];
      this.sendRating(item, comment, { seen: known.rating || 0 });
    }
    sendRating(item, comment, shown = {}) { this.line.raw({ type: "rate", survey: item.id, rating: item.rating, ...(comment === undefined ? {} : { comment }), ...shown }); }
    rateAgain() { // what was pressed without a connection, or wasn't answered before it was lost: the same again changes nothing
      for (const item of this.items.values()) {
        if (!(item.asked || []).length) continue;
        const comment = item.asked.findLast((one) => one.comment !== undefined)?.comment;
        item.asked = [{ rating: item.rating, comment }];
        this.sendRating(item, comment);
      }
    }
    asKept(item) { // what was pressed and refused isn't shown as if it had arrived; words are back where they were typed
      const kept = item.kept || NO_ANSWER, comment = (item.asked || []).findLast((one) => one.comment !== undefined)?.comment;
      item.asked = [];
      if (comment !== undefined && comment !== kept.words) Object.assign(item, { draft: item.draft || comment, rewriting: kept.commented });
      if (item.rating === kept.rating && (item.words || "") === kept.words) return;
      Object.assign(item, kept);
      this.repaint(item);
    }
    finalLater(item) {
      clearTimeout(item.finalTimer);
      const left = item.until - Date.now();
      if (left > 0 && left < 2 ** 31) item.finalTimer = setTimeout(() => this.paint(item), left + 500);
    }
    ticked(frame) { if (frame.message_id) for (const item of this.items.values()) if (item.messageId === frame.message_id || item.key === frame.id) { item.status = frame.status; this.paint(item); } }
    typingNow(value) {
      const p = this.parts;
      clearTimeout(this.typingTimer);
      if (value && this.stopped) return;
      p.writer.className = "sr"; p.writer.textContent = t("The assistant is writing");
      p.typing.hidden = !value || !p.draft.hidden; p.stop.hidden = !value;
      if (value) { this.typingTimer = setTimeout(() => this.typingNow(false), 60000); this.bottom(); }
    }
    personTyping(name) { // said about every second while they write; a moment after the last time it is over
      const p = this.parts;
      this.typingNow(false);
      p.writer.className = ""; p.writer.textContent = name ? t("{name} is typing", { name }) : t("A colleague is typing");
      p.typing.hidden = false; this.bottom();
      this.typingTimer = setTimeout(() => this.typingNow(false), 5000);
    }
    isDone(frame) { return Boolean(frame.run) && frame.run === this.doneRun; }
    stream(frame) {
      if (this.stopped || this.isDone(frame)) return; // the answer arrived first
      const p = this.parts;
      if (frame.reset) p.draft.firstChild.textContent = ""; // the model starts over
      p.draft.firstChild.textContent += frame.content || "";
      if (!p.draft.firstChild.textContent) { p.draft.hidden = true; return this.typingNow(true); }
      p.draft.hidden = false; p.typing.hidden = true; p.stop.hidden = false;
      this.bottom();
    }
    refused(frame) {
      const words = PROBLEMS[frame.code];
      const text = words ? words(frame) : frame.detail || t("That didn't work. Please try again.");
      const item = frame.id && this.items.get(frame.id);
      if (!frame.id) for (const survey of this.items.values()) if (survey.kind === "survey") this.asKept(survey);
      if (item && frame.code !== "too_many") { item.status = "failed"; item.why = text; this.paint(item); }
      this.problem(text);
    }

    // ---- sending
    typed(programmatic) {
      const p = this.parts, follow = this.atBottom(), used = length(p.text.value), limit = this.limit || LIMIT, left = limit - used;
      p.text.style.height = "auto"; p.text.style.height = `${Math.min(p.text.scrollHeight, 168)}px`; // through the CSSOM: no style attribute in the markup
      if (follow) this.bottom();
      p.send.setAttribute("aria-disabled", String(!(p.text.value.trim() || this.chosen.length) || left < 0));
      p.count.textContent = left > NEAR_LIMIT ? "" : left >= 0 ? `${left} characters left` : `${-left} characters over the limit`;
      p.count.classList.toggle("over", left < 0);
      this.problem("");
      if (this.line.draft !== p.text.value) { this.line.draft = p.text.value; this.line.keep(); }
      const nowish = Date.now();
      if (!programmatic && used && nowish - (this.typingSent || 0) > 3000) { this.typingSent = nowish; this.line.raw({ type: "typing" }); }
    }
    pressed(event) { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); this.submit(); } }
    submit() {
      const p = this.parts, text = p.text.value.trim();
      if (!text && !this.chosen.length) return;
      if (length(text) > (this.limit || LIMIT)) return this.problem(PROBLEMS.too_long({ limit: this.limit || LIMIT }));
      if (this.chosen.length) this.sendFiles(text, this.chosen.splice(0)); else this.say(uuid(), text);
      this.showChosen();
      p.text.value = ""; this.typed(true); p.text.focus();
    }
    say(id, text, choice) {
      this.stopped = false;
      this.upsert({ key: id, kind: "text", who: "me", text, at: new Date().toISOString(), status: this.line.state === "online" ? "sending" : "waiting" });
      this.line.start(); this.line.say(id, text, choice); this.bottom(true);
    }
    // ---- files of the visitor
    attach(list) {
      if (this.parts.clip.disabled || this.parts.clip.hidden) return;
      let code = "";
      for (const file of list) {
        if (this.chosen.length >= FILES) code = "too_many_files";
        else if (!file.size) code = "empty";
        else if (file.size > FILE_LIMIT || this.chosen.reduce((sum, one) => sum + one.size, file.size) > FILES_LIMIT) code = "too_large";
        else if (file.type && !ACCEPTED.split(",").includes(file.type)) code = "kind_refused";
        else this.chosen.push(file);
      }
      this.showChosen(); this.typed(true);
      if (code) this.problem(BAD_FILE[code]());
      this.parts.text.focus();
    }
    showChosen() {
      const p = this.parts;
      p.tray.hidden = !this.chosen.length;
      p.tray.replaceChildren(...this.chosen.map((file) => el("li", {}, this.localView(file), el("button", { class: "plain", type: "button", "aria-label": t("Remove {name}", { name: file.name }), onclick: () => { this.chosen = this.chosen.filter((one) => one !== file); this.showChosen(); this.typed(true); p.text.focus(); } }, icon("close")))));
    }
    localView(file) {
      file.view = file.view || (file.type.startsWith("image/") ? URL.createObjectURL(file) : "");
      const mark = file.view ? el("img", { class: "picture", alt: "", src: file.view, onerror: () => mark.replaceWith(icon("clip")) }) : icon("clip");
      return el("span", { class: "local" }, mark, el("span", {}, file.name, el("small", {}, size(file.size))));
    }
    sendFiles(text, files) {
      const item = { key: uuid(), kind: "text", who: "me", text, files: files.map((local) => ({ local })), at: new Date().toISOString(), status: "sending" };
      this.stopped = false; this.line.start(); this.upsert(item); this.bottom(true); this.upload(item);
    }
    async upload(item) {
      const current = () => this.items.get(item.key) || item; // a frame may have brought the message meanwhile
      const show = (facts) => { Object.assign(current(), facts); this.paint(current()); };
      this.line.uploads.set(item.key, item.text); this.line.keep();
      show({ lost: false, status: "sending", why: "", share: 0 });
      const bar = (share) => { item.share = share; const drawn = current().node && current().node.querySelector("progress"); if (drawn) drawn.value = share; };
      try {
        const said = await this.line.upload(item.key, item.text, item.files.map((one) => one.local), bar);
        show({ share: undefined, messageId: said.message_id, status: current().status === "sending" ? "sent" : current().status, at: said.at });
      } catch (problem) {
        const isLost = !problem.status || problem.status >= 500, words = BAD_FILE[problem.code];
        const why = isLost ? t("Not sent: the connection was lost.") : words ? words({}) : problem.message;
        show({ share: undefined, status: "failed", lost: isLost, retry: isLost || problem.status === 429, why });
        if (!isLost) this.problem(why);
        return;
      }
      this.line.uploads.delete(item.key); this.line.keep();
    }
    restore({ id, message, draft }) {
      if (draft) { if (!this.parts.text.value) { this.parts.text.value = draft; this.typed(true); } }
      else this.upsert({ key: id, kind: "text", who: "me", text: message, at: new Date().toISOString(), status: "waiting" });
    }
    halt() { this.line.raw({ type: "stop" }); this.typingNow(false); this.stopped = true; this.parts.draft.hidden = true; this.parts.draft.firstChild.textContent = ""; this.parts.text.focus(); }

    // ---- the list
    upsert(item) {
      const p = this.parts, follow = this.atBottom();
      item.node = item.node || el("li");
      this.items.set(item.key, item);
      this.paint(item);
      this.place(item);
      p.empty.hidden = true;
      if (follow && !this.quiet) this.bottom();
    }
    place(item) {
      const list = this.parts.list, order = item.seq || Infinity;
      const next = [...list.children].find((node) => node !== item.node && (node.order || Infinity) > order) || null;
      const moved = item.node.parentNode !== list || item.node.order !== order;
      item.node.order = order;
      if (moved && (item.node.parentNode !== list || item.node.nextSibling !== next)) list.insertBefore(item.node, next); // screen readers would read a moved node twice
      for (const node of [item.node, item.node.nextElementSibling]) if (node) node.classList.toggle("turn", !node.previousElementSibling || node.previousElementSibling.dataset.who !== node.dataset.who);
    }
    paint(item) {
      const node = item.node;
      node.dataset.who = `${item.who}${item.name || ""}`;
      for (const name of ["me", "agent", "person", "system", "failed"]) node.classList.toggle(name, name === item.who || (name === "failed" && item.status === "failed"));
      node.replaceChildren(...(item.kind === "approval" ? [this.card(item)] : item.kind === "survey" ? [this.survey(item)] : this.bubbleOf(item)));
    }
    bubbleOf(item) {
      const spoken = { me: t("You"), agent: t("Assistant"), person: t("Colleague"), system: t("Notice") }[item.who];
      const face = item.who === "person" && (item.name || item.face) ? el("b", { class: "face", "aria-hidden": "true" }, item.name ? [...item.name][0].toUpperCase() : "") : null;
      if (item.face) this.picture(new URL(item.face, this.base).href, (view) => face.replaceChildren(view));
      const label = item.who === "me" || item.who === "system" ? el("span", { class: "sr" }, `${spoken}: `) : el("p", { class: "name" }, face, item.who === "person" ? t("{name}, a person", { name: item.name || spoken }) : item.name || spoken);
      const meta = el("p", { class: "meta" }, item.status ? icon(item.status === "sending" || item.status === "waiting" ? "clock" : item.status === "failed" ? "close" : "tick") : null, el("span", {}, [item.status ? item.why || STATUS[item.status] || "" : "", time(item.at)].filter(Boolean).join(" · ")));
      if (item.status === "failed" && item.retry) meta.append(el("button", { class: "again", type: "button", onclick: () => this.upload(item) }, t("Try again")));
      if (item.status === "failed") meta.append(el("button", { class: "again", type: "button", onclick: () => this.edit(item) }, t("Edit")));
      if (item.share !== undefined) meta.append(el("progress", { max: "1", value: item.share, "aria-label": t("Sending…") }));
      const said = item.text || !(item.files || []).length ? el("div", { class: "text" }, ...(item.who === "me" ? [el("p", { dir: "auto" }, item.text)] : formatted(item.text))) : null;
      return [label, said, sourcesOf(item.sources || []), ...(item.tables || []).map((table) => this.tableOf(table)), ...(item.files || []).map((file) => this.fileOf(file)), this.choicesOf(item), item.who === "system" ? null : meta].filter(Boolean);
    }
    choicesOf(item) { // what only the customer can answer with: pressed once, and the server looks again
      if (!(item.choices || []).length || item.pressed) return null;
      return el("div", { class: "comment choices" }, ...item.choices.map((one) => el("button", { type: "button", onclick: () => { item.pressed = true; this.paint(item); this.say(uuid(), one.title, one.id); this.parts.text.focus(); } }, one.title)));
    }
    edit(item) { // what was not sent goes back to where it was written, before what is written there now
      const p = this.parts;
      p.text.value = [item.text, p.text.value].filter(Boolean).join("\n");
      this.line.uploads.delete(item.key);
      item.node.remove(); this.items.delete(item.key);
      this.chosen = [...(item.files || []).map((one) => one.local).filter(Boolean), ...this.chosen].slice(0, FILES);
      this.showChosen(); this.typed(true); p.text.focus();
    }
    // Figures that Walker's tools read: a table, one column of it drawn as bars as well. Only text is set, never markup.
    tableOf({ title, columns, rows, bars }) {
      const number = (text) => Number(String(text).replace(/,/g, "").match(/^[+-]?[0-9.]+/) || NaN);
      const most = bars ? Math.max(...rows.map((row) => number(row[bars - 1]) || 0), 0) : 0;
      const cell = (text, place) => {
        const value = number(text), bar = most && place === bars - 1 && value > 0 ? el("span", { class: "bar", "aria-hidden": "true" }) : null;
        if (bar) bar.style.width = `${Math.max(2, Math.round((value / most) * 100))}%`; // through the CSSOM
        return el(place ? "td" : "th", place ? {} : { scope: "row" }, String(text), bar);
      };
      return el("div", { class: "figures", tabindex: "0", role: "region", "aria-label": String(title) }, el("table", {}, el("caption", {}, String(title)),
        el("thead", {}, el("tr", {}, ...columns.map((name) => el("th", { scope: "col" }, String(name))))),
        el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map(cell))))));
    }
    // A file of a colleague or the assistant: a picture is shown, everything else is offered. Fetched with the session's token, never by an address alone.
    fileOf(file) {
      if (file.local) return el("div", { class: "file" }, this.localView(file.local));
      this.shown = this.shown || new Map(); // one box per file, so that a repainted message fetches nothing again
      if (this.shown.has(file.id)) return this.shown.get(file.id);
      const name = file.name || t("File"), picture = /^image\/(png|jpeg|gif|webp)$/.test(file.content_type);
      const save = el("button", { class: "save", type: "button", onclick: () => this.download(file, name, save) }, icon("down"), el("span", {}, name, el("small", {}, size(file.size))));
      const box = el("div", { class: "file" }, save);
      this.shown.set(file.id, box);
      if (picture && file.size <= 8000000) {
        this.line.file(file.id).then((blob) => new Promise((done, failed) => {
          const follow = this.atBottom(), view = el("img", { class: "picture", alt: name, src: URL.createObjectURL(blob) });
          view.onload = () => { box.prepend(view); if (follow) this.bottom(); done(); };
          view.onerror = failed;
        })).catch(() => { /* the download is still offered */ });
      }
      return box;
    }
    async download(file, name, button) {
      button.disabled = true;
      try {
        const link = el("a", { href: URL.createObjectURL(await this.line.file(file.id)), download: name });
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 60000);
        this.problem("");
      } catch { this.problem(t("This file can't be downloaded right now. Try again in a moment.")); }
      button.disabled = false;
    }
    survey(item) {
      const isFinal = Boolean(item.until) && item.until <= Date.now();
      const stars = MARKS.map((words, place) => el("button", { type: "button", class: place < item.rating ? "on" : "", "aria-label": t("{count} of 5, {mark}", { count: place + 1, mark: words }), "aria-pressed": String(place + 1 === item.rating), onclick: () => { item.rating = place + 1; this.rate(item); this.paint(item); item.node.querySelector('[aria-pressed="true"]').focus(); } }, "★"));
      for (const star of stars) star.disabled = isFinal;
      const card = el("div", { class: "card" }, el("p", {}, item.text), el("div", { class: "marks", role: "group", "aria-label": t("Your rating") }, ...stars));
      if (!item.rating) return card;
      card.append(el("p", { class: "note", role: "status" }, isFinal ? t("{mark}. Thank you. Your answer can’t be changed any more.", { mark: MARKS[item.rating - 1] }) : item.commented ? t("Thank you for your feedback. You can change it for a day.") : t("{mark}. Thank you.", { mark: MARKS[item.rating - 1] })));
      if (item.commented && !item.rewriting && item.words) card.append(el("p", { class: "note" }, t("Your comment")), el("p", { class: "said" }, item.words));
      if (isFinal) return card;
      if (item.commented && !item.rewriting) {
        card.append(el("div", { class: "comment" }, el("button", { type: "button", onclick: () => { item.rewriting = true; item.draft = item.words; this.paint(item); item.node.querySelector("textarea").focus(); } }, t("Change comment"))));
        return card;
      }
      const text = el("textarea", { id: `c-${item.id}`, rows: "2", maxlength: "2000" });
      text.value = item.draft || "";
      text.oninput = () => { item.draft = text.value; };
      card.append(el("div", { class: "comment" }, el("label", { for: `c-${item.id}` }, item.commented ? t("Your comment") : t("Anything you want to tell us? (optional)")), text,
        el("button", { type: "button", onclick: () => { const words = text.value.trim(); if (words) { Object.assign(item, { commented: true, rewriting: false, words, draft: "" }); this.rate(item, words); this.paint(item); } } }, item.commented ? t("Save comment") : t("Send comment"))));
      return card;
    }
    card(item) {
      const [words, tone] = APPROVAL[item.state] || [item.state, ""];
      const note = item.note || (item.state === "pending" ? t("A colleague has to approve this before anything happens. You can keep writing in the meantime.") : "");
      return el("div", { class: "card" },
        el("div", { class: "top" }, el("span", { class: "ref" }, item.reference), el("span", { class: `chip ${tone}` }, words)),
        item.headline ? el("p", {}, item.headline) : null,
        note ? el("p", { class: item.state === "pending" ? "note" : "" }, note) : null);
    }
    atBottom() { const s = this.parts.scroll; return s.scrollHeight - s.scrollTop - s.clientHeight < 80; }
    bottom() { requestAnimationFrame(() => { const s = this.parts.scroll; s.scrollTop = s.scrollHeight; }); }
  }
  window.customElements.define("walker-chat", WalkerChat);
})();
