/*
 * What makes pages livelier. Each of them is whole without it: nothing here is the only way to do
 * or to learn anything. One module, no other file, nothing from another host.
 */

const DAY = 86_400_000;
const SLOW_MS = 400;
/* An answer that takes longer is given up for the one that is wanted by then. */
const REST_MS = 150;
/* So long a slider rests until what is below the roster follows it, too. */
const SETTLED_MS = 500;
/* So long until its sentence is read aloud. */
const RETRY_MS = 30_000;
/* Until a stream that was refused is asked for again. */

const IN_WORDS = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "long", year: "numeric", timeZone: "UTC",
});

const toDays = (text) => Math.round(Date.parse(`${text}T00:00Z`) / DAY);
const toText = (days) => new Date(days * DAY).toISOString().slice(0, 10);
const toWords = (days) => IN_WORDS.format(days * DAY);

function made(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/* News: what was recorded while the page is open. Nothing moves: the bar lies over the foot. */

class News {
  constructor(shown) {
    this.shown = shown;
    this.head = shown;
    this.source = null;
    this.waiting = null;
    this.said = made("p", { role: "status" });
    this.show = made("a", { class: "button", href: "" }, "Show");
    this.later = made("button", { class: "quiet", type: "button" }, "Later");
    this.show.addEventListener("click", (event) => {
      event.preventDefault();
      location.reload();
    });
    this.later.addEventListener("click", () => this.tell(this.head));
    this.offer = made("div", { class: "news-offer", hidden: "" }, this.show, this.later);
    this.bar = made("section", { class: "news", "aria-label": "News" }, this.said, this.offer);
    document.body.append(this.bar);
    /* A browser opens few connections to one host, and each stream takes one: only the pages that
       are looked at follow. They go on from where they were. */
    document.addEventListener("visibilitychange", () => this.follow());
    addEventListener("pagehide", () => this.stop());
    addEventListener("pageshow", () => this.follow());
    this.follow();
  }

  follow() {
    if (document.visibilityState === "hidden") {
      this.stop();
    } else if (this.source === null && this.waiting === null) {
      /* Lost connections are taken up again by the browser itself, with Last-Event-ID. */
      this.source = new EventSource(`/v1/log/stream?after=${this.head}`);
      this.source.addEventListener("message", (message) => this.take(message));
      this.source.addEventListener("error", () => this.lose());
    }
  }

  stop() {
    clearTimeout(this.waiting);
    this.waiting = null;
    this.source?.close();
    this.source = null;
  }

  lose() {
    if (this.source?.readyState !== EventSource.CLOSED) return;
    this.source = null;
    this.waiting = setTimeout(() => {
      this.waiting = null;
      this.follow();
    }, RETRY_MS);
  }

  take(message) {
    /* Positions have no gaps: how far the log went is how many events came. */
    const { position } = JSON.parse(message.data);
    this.head = Math.max(this.head, position);
    this.say();
  }

  /* The page shows the log as it was at a position. */
  tell(position) {
    this.shown = position;
    this.head = Math.max(this.head, position);
    this.say();
  }

  say() {
    const count = this.head - this.shown;
    this.offer.hidden = count === 0;
    this.bar.classList.toggle("is-told", count !== 0);
    const words = count === 0 ? "" : count === 1 ? "1 new event" : `${count} new events`;
    if (this.said.textContent !== words) this.said.textContent = words;
  }
}

function newsOf(page) {
  const after = page.body.dataset.liveAfter;
  return after === undefined ? null : Number(after);
}

/*
 * A slider beside the day: what is on the page follows it, but for the form that it stands in. While
 * it is moved the roster alone is asked for; the rest of the page when it stands still.
 */

class Slider {
  constructor(range, news) {
    this.range = range;
    this.form = range.form;
    this.day = this.form.elements.at;
    this.news = news;
    this.wanted = null;
    this.fetching = null;
    this.resting = null;
    this.settled = null;
    this.said = made("p", { class: "unseen", role: "status" });
    document.body.append(this.said);
    range.disabled = false;
    this.name();
    range.addEventListener("input", () => this.go(Number(range.value)));
    this.day.addEventListener("input", () => {
      if (this.day.value) range.value = toDays(this.day.value);
      this.name();
    });
  }

  name() {
    this.range.setAttribute("aria-valuetext", toWords(Number(this.range.value)));
  }

  go(days) {
    this.wanted = days;
    this.day.value = toText(days);
    this.name();
    clearTimeout(this.resting);
    clearTimeout(this.settled);
    if (this.fetching === null) this.fetch();
    else if (this.fetching.isWhole || performance.now() - this.fetching.began > SLOW_MS) {
      this.fetching.stop.abort();
    }
  }

  address(days) {
    const address = new URL(location.href);
    address.searchParams.set("at", toText(days));
    /* A place in the roster of one day is none in that of another. */
    address.searchParams.delete("after");
    address.hash = "";
    return address;
  }

  /* One question at a time; when its answer is there, the last day that was wanted meanwhile. */
  async fetch() {
    while (this.wanted !== null) {
      const days = this.wanted;
      this.wanted = null;
      const isShown = await this.ask(days, { Accept: "text/html", "Timeline-Part": "roster" });
      if (isShown && this.wanted === null) {
        this.resting = setTimeout(() => this.fetchRest(days), REST_MS);
      }
    }
  }

  async fetchRest(days) {
    const isShown = await this.ask(days, { Accept: "text/html" });
    if (this.wanted !== null) this.fetch();
    else if (isShown) this.settled = setTimeout(() => this.say(), SETTLED_MS - REST_MS);
  }

  /* Whether what is shown is the answer now. */
  async ask(days, headers) {
    const address = this.address(days);
    const stop = new AbortController();
    const isWhole = headers["Timeline-Part"] === undefined;
    this.fetching = { stop, isWhole, began: performance.now() };
    try {
      /* A part is no page that the browser could go back to. */
      const cache = isWhole ? "default" : "no-store";
      const answer = await fetch(address, { signal: stop.signal, headers, cache });
      const text = await answer.text();
      this.show(new DOMParser().parseFromString(text, "text/html"), answer, address);
      return true;
    } catch (fault) {
      if (fault.name !== "AbortError") {
        this.said.textContent = "The service did not answer.";
      }
      return false;
    } finally {
      this.fetching = null;
    }
  }

  say() {
    this.said.textContent = document.querySelector(".times-sentence")?.textContent ?? "";
  }

  show(page, answer, address) {
    keepSections(page);
    const fresh = page.querySelector("main .times-form");
    if (!answer.ok || answer.redirected || fresh === null || !replaceAround(this.form, fresh)) {
      location.assign(address);
      return;
    }
    replaceFields(this.form, fresh);
    document.title = page.title;
    for (const which of ["link[rel=canonical]", "link[rel=alternate]", ".account a"]) {
      const [old, now] = [document.querySelector(which), page.querySelector(which)];
      if (old && now) old.setAttribute("href", now.getAttribute("href"));
    }
    document.querySelector(".bottom-row")?.replaceWith(page.querySelector(".bottom-row"));
    const after = newsOf(page);
    if (after !== null) this.news?.tell(after);
    /* Every day moved through would otherwise be one step back; the address is whole either way. */
    history.replaceState(null, "", address);
  }
}

/* Sections that *fresh* leaves out stay as they are, and say that they are of another day. */
function keepSections(fresh) {
  const main = fresh.querySelector("main");
  const fetched = new Set([...fresh.querySelectorAll("main > section")].map(nameOf));
  if (!fetched.has("roster")) return;
  for (const section of document.querySelectorAll("main > section")) {
    if (fetched.has(nameOf(section))) continue;
    section.setAttribute("aria-busy", "true");
    main.append(section);
  }
}

function nameOf(section) {
  return section.getAttribute("aria-labelledby");
}

/*
 * Let what stands around *kept* be what stands around *fresh*, up to main; *kept* itself stays in
 * the document, and with it who is about to use it. False, and nothing done, if they are at other
 * places.
 */
function replaceAround(kept, fresh) {
  const olds = pathTo(kept);
  const nows = pathTo(fresh);
  if (olds.length !== nows.length) return false;
  olds.forEach((old, level) => {
    const now = nows[level];
    const siblings = [...now.parentNode.childNodes];
    const place = siblings.indexOf(now);
    while (old.previousSibling) old.previousSibling.remove();
    while (old.nextSibling) old.nextSibling.remove();
    old.before(...siblings.slice(0, place));
    old.after(...siblings.slice(place + 1));
  });
  return true;
}

function pathTo(element) {
  const path = [];
  for (let one = element; one.localName !== "main"; one = one.parentNode) path.push(one);
  return path;
}

/* The presets of a form, and what it sends along. */
function replaceFields(form, fresh) {
  const [old, now] = [form.querySelector(".presets"), fresh.querySelector(".presets")];
  if (old && now) old.replaceWith(now);
}

/* Over a strip, the day under the pointer. */

class Pointed {
  constructor() {
    this.said = made("div", { class: "pointed", "aria-hidden": "true", hidden: "" });
    document.body.append(this.said);
    addEventListener("pointermove", (event) => this.point(event), { passive: true });
    addEventListener("scroll", () => this.hide(), { passive: true });
    document.addEventListener("pointerleave", () => this.hide());
  }

  hide() {
    this.said.hidden = true;
  }

  point(event) {
    const strip = event.target.closest?.(".strip, .axis");
    const drawn = strip?.closest("[data-first][data-last]");
    if (!drawn) {
      this.hide();
      return;
    }
    const box = strip.getBoundingClientRect();
    const [first, last] = [toDays(drawn.dataset.first), toDays(drawn.dataset.last)];
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    this.said.textContent = toWords(Math.min(first + Math.floor(share * (last - first + 1)), last));
    this.said.hidden = false;
    const left = Math.min(event.clientX + 12, innerWidth - this.said.offsetWidth - 8);
    this.said.style.left = `${Math.max(left, 8)}px`;
    this.said.style.top = `${Math.max(event.clientY - 34, 4)}px`;
  }
}

const after = newsOf(document);
const news = after === null ? null : new News(after);
const range = document.querySelector("#time-slider");
if (range !== null) new Slider(range, news);
if (document.querySelector("[data-first][data-last] .strip") !== null) new Pointed();
