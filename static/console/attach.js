/* Files for a form: dropped on it or pasted into its text, they join those that were chosen. Without this, the file field does it. */
(() => {
  const forms = () => [...document.querySelectorAll("form")].filter((form) => form.querySelector("input[type=file][data-attach]"));
  const inputOf = (form) => form.querySelector("input[type=file][data-attach]");
  const size = (bytes) => bytes < 1024 ? `${bytes} bytes` : bytes < 1048576 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
  const make = (tag, name, text) => { const node = document.createElement(tag); node.className = name; if (text) node.textContent = text; return node; };

  /* A small picture is drawn, not linked: the page's policy allows no other source. */
  const draw = async (file, canvas) => {
    if (!/^image\/(png|jpeg|gif|webp)$/.test(file.type) || file.size > 8000000) return;
    try {
      const picture = await createImageBitmap(file, { resizeHeight: 80, resizeQuality: "low" });
      canvas.width = Math.min(picture.width, 160); canvas.height = picture.height;
      canvas.getContext("2d").drawImage(picture, 0, 0);
      canvas.hidden = false;
    } catch { /* not a picture after all: its name is enough */ }
  };
  const set = (input, files) => {
    const box = new DataTransfer();
    files.forEach((file) => box.items.add(file));
    input.files = box.files;
    show(input);
  };
  const say = (input, words) => { partsOf(input).said.textContent = words; };
  const partsOf = (input) => {
    if (input.wkParts) return input.wkParts;
    let list = input.form.querySelector(".wk-attached"), said = input.form.querySelector(".wk-attached-said");
    if (!list) {
      [list, said] = [make("ul", "wk-attached"), make("p", "wk-help")];
      said.setAttribute("role", "status");
      input.after(list, said);
    }
    return (input.wkParts = { list, said });
  };
  const show = (input, isNew = true) => {
    const files = [...input.files], total = files.reduce((sum, file) => sum + file.size, 0);
    partsOf(input).list.replaceChildren(...files.map((file, at) => {
      const item = make("li", "wk-attached-file"), canvas = make("canvas", "wk-attached-picture"), remove = make("button", "wk-button wk-button-quiet", "Remove");
      canvas.hidden = true;
      canvas.setAttribute("aria-hidden", "true");
      draw(file, canvas);
      remove.type = "button";
      remove.setAttribute("aria-label", `Remove ${file.name}`);
      remove.addEventListener("click", () => {
        set(input, [...input.files].filter((_, each) => each !== at));
        (partsOf(input).list.querySelectorAll("button")[at] || input).focus();
      });
      item.append(canvas, make("span", "wk-attached-name", file.name), make("span", "wk-quiet", size(file.size)), remove);
      return item;
    }));
    const most = Number(input.dataset.attach), limit = Number(input.dataset.attachBytes);
    // Of a form for one or the other, files show their part; what is in the part that is hidden must not hold the form up.
    const part = input.form.querySelector("[data-attach-shows]");
    if (part && isNew && files.length) part.checked = true;
    const kinds = input.dataset.attachKinds, endings = kinds ? input.accept.split(",") : [];
    const foreign = kinds && files.find((file) => !endings.some((ending) => file.name.toLowerCase().endsWith(ending)));
    const problem = part && !part.checked ? "" : foreign ? `“${foreign.name}” can’t be read. Remove it: agents read ${kinds}.`
      : files.length > most ? kinds ? `Choose at most ${most} files at once.` : `Send at most ${most} files with one message.`
      : total > limit ? `Together the files are larger than ${size(limit)}. Remove one.` : "";
    input.setCustomValidity(problem);
    partsOf(input).said.classList.toggle("wk-error", Boolean(problem));
    say(input, problem || (files.length ? `${files.length} ${files.length === 1 ? "file" : "files"}, ${size(total)}` : ""));
  };
  const add = (input, files) => { if (files.length) set(input, [...input.files, ...files]); };

  document.addEventListener("change", (event) => {
    if (event.target.matches?.("input[type=file][data-attach]")) show(event.target);
    else if (event.target.form?.querySelector("[data-attach-shows]")?.name === event.target.name) show(inputOf(event.target.form), false);
  });
  document.addEventListener("paste", (event) => {
    const form = event.target.closest?.("form"), input = form && inputOf(form);
    const files = [...(event.clipboardData?.files || [])];
    if (!input || !files.length) return;
    event.preventDefault();
    add(input, files);
  });
  /* A file dropped beside the form must not replace the page and what was written. */
  const carries = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  const zoneOf = (form) => form.closest(".wk-talk-main") || form; // a conversation takes files wherever they are dropped
  const place = (event) => forms().find((form) => zoneOf(form).contains(event.target)) || null;
  const mark = (wanted) => forms().forEach((form) => (form.closest(".wk-composer") || form).classList.toggle("wk-drop", form === wanted));
  document.addEventListener("dragover", (event) => {
    if (!carries(event) || !forms().length) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = place(event) ? "copy" : "none";
    mark(place(event));
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) mark(null); });
  document.addEventListener("drop", (event) => {
    if (!carries(event) || !forms().length) return;
    event.preventDefault();
    mark(null);
    const form = place(event);
    if (form) add(inputOf(form), [...event.dataTransfer.files]);
  });
})();
