// Runs when the export buttons are first shown; Gradio gives `element` and `trigger`.

element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-format]");
  if (button) trigger("exported", { format: button.dataset.format });
});
