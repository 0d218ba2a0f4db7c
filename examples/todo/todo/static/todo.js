// Ticks a todo without loading the page anew. Without scripts the same form does the same.

async function tick(event) {
  const form = event.target;
  if (!form.classList.contains("tick")) return;
  event.preventDefault();
  const box = form.querySelector("button");
  box.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (!answer.ok) throw new Error(String(answer.status));
  } catch {
    form.submit(); // shows what is the matter
    return;
  }
  const done = form.elements.done.value === "true";
  form.elements.done.value = String(!done);
  form.closest("li").classList.toggle("done", done);
  box.setAttribute("aria-pressed", String(done));
  box.textContent = done ? "✓" : "";
  box.disabled = false;
  box.focus();
}

document.addEventListener("submit", tick);
