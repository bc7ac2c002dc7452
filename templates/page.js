// Shows times in the reader's own zone, and refreshes the page in place. The page is whole without it.
"use strict";
{
  const DEADLINE = 10_000;
  // How long an order is waited for that shows no page: somebody has stopped it.
  const ORDER_DEADLINE = 40_000;
  const wording = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  const localise = (page) => {
    for (const time of page.querySelectorAll("time[datetime]")) {
      const moment = new Date(time.dateTime);
      const second = "exact" in time.dataset ? { second: "2-digit" } : {};
      const year = moment.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
      time.textContent = moment.toLocaleString([], { ...wording, ...second, ...year });
    }
  };

  // What makes an element another one in the same place: nobody is to press something else than they meant to.
  const key = (node) => node.id || node.getAttribute?.("action") || node.getAttribute?.("href") || "";
  const isLike = (one, other) => one.nodeName === other.nodeName && key(one) === key(other);

  // Makes `shown` like `fresh` and touches only what differs: focus, selection and what was scrolled or typed stay.
  const morph = (shown, fresh) => {
    if (shown.nodeType !== Node.ELEMENT_NODE) {
      if (shown.data !== fresh.data) shown.data = fresh.data;
      return;
    }
    for (const { name } of [...shown.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open") shown.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
    }
    const children = [...fresh.childNodes];
    let at = shown.firstChild;
    children.forEach((wanted, place) => {
      const rest = children.slice(place);
      const isWanted = (node) => node.nodeType === Node.ELEMENT_NODE && rest.some((other) => isLike(node, other));
      let found = at;
      while (found && !isLike(found, wanted) && (key(wanted) || !isWanted(found))) found = found.nextSibling;
      if (!found || !isLike(found, wanted)) return shown.insertBefore(wanted, at);
      while (at !== found) {
        at = at.nextSibling;
        at.previousSibling.remove();
      }
      at = found.nextSibling;
      morph(found, wanted);
    });
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  };

  const lost = document.getElementById("lost");
  const seconds = document.body.dataset.refresh;
  const version = (page) => page.querySelector("script[src^='/page.js']")?.getAttribute("src");
  let asking = false;
  let ordering = 0;
  let next = 0;
  const refresh = async () => {
    clearTimeout(next);
    // Whoever comes back asks at once.
    if (asking || ordering || document.hidden) return;
    asking = true;
    try {
      const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(DEADLINE) });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const isOurs = version(page) === version(document);
      // A form to sign in, an incident that is gone, another version of all this: that is another page.
      if (answer.ok ? !isOurs : isOurs && [401, 404].includes(answer.status)) return location.reload();
      if (!answer.ok) throw new Error(answer.status);
      if (ordering) return;
      localise(page);
      for (const part of ["link[rel=icon]", "header", "main"]) {
        morph(document.querySelector(part), page.querySelector(part));
      }
      document.title = page.title;
      lost.hidden = true;
    } catch {
      lost.hidden = false;
    } finally {
      asking = false;
      next = setTimeout(refresh, 1000 * seconds);
    }
  };
  const ordered = () => {
    clearTimeout(ordering);
    ordering = 0;
    refresh();
  };

  localise(document);
  if (seconds) {
    next = setTimeout(refresh, 1000 * seconds);
    document.addEventListener("visibilitychange", refresh);
    // What comes of an order is said on the page that answers it; if none does, this one goes on.
    document.addEventListener("submit", () => { ordering = setTimeout(ordered, ORDER_DEADLINE); });
    addEventListener("pageshow", (event) => { if (event.persisted) ordered(); });
  }
}
