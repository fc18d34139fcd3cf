// Ionian's only script. Pages work without it; it spares a click or two.
const byId = (id) => document.getElementById(id);

// Copy buttons: the text of the element that data-copy names, <br> as line ends. Without the right to write to the
// clipboard (plain http from another computer) the old way, and at the least the text is selected.
const copy = async (source) => {
  try {
    await navigator.clipboard.writeText(source.innerText.trim());
    return true;
  } catch {
    getSelection().selectAllChildren(source);
    return document.execCommand("copy");
  }
};
let said;
for (const button of document.querySelectorAll("[data-copy]"))
  button.addEventListener("click", async () => {
    button.textContent = (await copy(byId(button.dataset.copy))) ? "Copied" : "Selected";
    if (!said) {
      said = document.createElement("p");
      said.className = "vh";
      said.setAttribute("role", "status");
      document.querySelector("main").append(said);
    }
    said.textContent = button.textContent;
    setTimeout(() => { button.textContent = "Copy"; said.textContent = ""; }, 2000);
  });

// Exact times: the reader's own beside UTC.
for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (!isNaN(at)) time.title += ` · ${at.toLocaleString([], { dateStyle: "medium", timeStyle: "medium" })} here`;
}

// The language that was chosen for snippets is chosen on the next page too.
for (const set of document.querySelectorAll(".langs")) {
  const radios = [...set.querySelectorAll("input")];
  const labels = radios.map((radio) => radio.parentElement.textContent);
  const wanted = decodeURIComponent((/(?:^|; )lang=([^;]*)/.exec(document.cookie) ?? [])[1] ?? "");
  const index = labels.indexOf(wanted);
  if (index >= 0) radios[index].checked = true;
  set.addEventListener("change", () => {
    const label = labels[radios.findIndex((radio) => radio.checked)];
    document.cookie = `lang=${encodeURIComponent(label)}; path=/; max-age=31536000; samesite=lax`;
  });
}

// Approval of a token: a command on this computer says on its own port which request is its own. Then no code is needed.
const form = document.querySelector("form[data-ask]");
if (form) {
  const mine = location.pathname.split("/").pop();
  try {
    const reply = await fetch(form.dataset.ask, { credentials: "omit", referrerPolicy: "no-referrer", redirect: "error" });
    if (reply.ok && (await reply.text()).trim() === mine) {
      form.elements.local.value = mine;
      form.elements.code.required = false;
      byId("code-l").hidden = true;
      byId("same").hidden = false;
    }
  } catch {
    // Another computer, or the command has gone: the code it is.
  }
}
