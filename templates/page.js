// Shows times in the reader's own zone, and refreshes each section in place. The page is whole without it.
"use strict";
{
  const wording = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  const localise = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(time.dateTime);
      const year = moment.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
      time.textContent = moment.toLocaleString([], { ...wording, ...year });
    }
  };
  const sections = (page) => [...page.querySelectorAll("main > section[id]")];
  const sent = new Map(sections(document).map((section) => [section.id, section.innerHTML]));
  const lost = document.getElementById("lost");
  localise(document);
  if (location.search) history.replaceState(null, "", location.pathname);

  const refresh = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.pathname, { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const fresh of sections(page)) {
        const shown = document.getElementById(fresh.id);
        const html = fresh.innerHTML;
        // Whoever is about to press something is not to have it taken away.
        if (!shown || sent.get(fresh.id) === html || shown.contains(document.activeElement)) continue;
        sent.set(fresh.id, html);
        localise(fresh);
        shown.className = fresh.className;
        shown.replaceChildren(...fresh.childNodes);
      }
      document.title = page.title;
      lost.hidden = true;
    } catch {
      lost.hidden = false;
    }
  };
  if (sections(document).length > 0) setInterval(refresh, 1000 * document.body.dataset.refresh);
}
