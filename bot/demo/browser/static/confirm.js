// The dialog that an app puts before a control does anything.

import { h } from "./dom.js";

export function confirmed(dialog) {
  return ask(
    dialog.title?.text ?? "Are you sure?",
    dialog.text?.text ?? "",
    dialog.confirm?.text ?? "Yes",
    dialog.deny?.text ?? "Cancel",
    dialog.style ?? "primary",
  );
}

export function ask(title, text, yes, no, style = "primary") {
  return new Promise((resolve) => {
    const box = h(
      "dialog",
      { class: "confirm", "aria-label": title },
      h("h2", {}, title),
      h("p", {}, text),
      h(
        "div",
        { class: "dialog-foot" },
        h("button", { type: "button", onclick: () => box.close("") }, no),
        h("button", { type: "button", class: style, onclick: () => box.close("yes") }, yes),
      ),
    );
    box.addEventListener("close", () => {
      box.remove();
      resolve(box.returnValue === "yes");
    });
    document.body.append(box);
    box.showModal();
  });
}

export function askText(title, label, value = "", yes = "Save") {
  return new Promise((resolve) => {
    const field = h("input", { type: "text", id: "ask-text", autocomplete: "off", maxlength: "4000" });
    field.value = value;
    const box = h(
      "dialog",
      { class: "confirm", "aria-label": title },
      h(
        "form",
        { method: "dialog", onsubmit: (event) => { event.preventDefault(); box.close("yes"); } },
        h("h2", {}, title),
        h("label", { for: "ask-text" }, label),
        field,
        h(
          "div",
          { class: "dialog-foot" },
          h("button", { type: "button", onclick: () => box.close("") }, "Cancel"),
          h("button", { type: "submit", class: "primary" }, yes),
        ),
      ),
    );
    box.addEventListener("close", () => {
      box.remove();
      resolve(box.returnValue === "yes" ? field.value.trim() : null);
    });
    document.body.append(box);
    box.showModal();
    field.focus();
  });
}
