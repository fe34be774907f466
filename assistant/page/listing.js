// Runs when the list of conversations is first shown; Gradio gives `element` and `trigger`.

const entryOf = (target) => target.closest("li[data-id]");

const rename = (entry) => {
  const form = entry.querySelector("form");
  form.hidden = false;
  entry.querySelector(".title").hidden = true;
  form.elements.title.select();
};

// What is deleted is gone, so the button asks once more.
const remove = (entry, button) => {
  if (button.dataset.sure) return trigger("deleted", { id: entry.dataset.id });
  button.dataset.sure = "yes";
  button.textContent = "Really delete";
  setTimeout(() => {
    delete button.dataset.sure;
    button.textContent = "Delete";
  }, 4000);
};

element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (!button) return;
  const entry = entryOf(button);
  if (button.dataset.act === "open") trigger("opened", { id: entry.dataset.id });
  if (button.dataset.act === "rename") rename(entry);
  if (button.dataset.act === "delete") remove(entry, button);
});

element.addEventListener("submit", (event) => {
  event.preventDefault();
  trigger("renamed", { id: entryOf(event.target).dataset.id, title: event.target.elements.title.value });
});

element.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.target.name !== "title") return;
  event.target.form.hidden = true;
  entryOf(event.target).querySelector(".title").hidden = false;
});
