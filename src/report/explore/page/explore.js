// The what-if page. It sends what was changed and lays out what comes back; it works out no figure itself.
"use strict";

(() => {
  const letters = ["A", "B"];
  const wait = 300; // ms of rest before a simulation starts
  const self = Array.from(crypto.getRandomValues(new Uint32Array(2)), (n) => n.toString(36)).join("");
  const $ = (id) => document.getElementById(id);

  // What was changed: assignments of each variant, in order. The second variant may be absent.
  let sets = [[]];
  let active = 0;
  let table = null;
  let latest = null; // the last answer without a mistake, by variant
  let shown = null; // the last answer
  const runs = [null, null]; // a simulation of each variant: {key, state, progress, result, abort}
  const rows = new Map(); // the lever of each path
  let dragging = false;
  let timer = 0;

  // ---- small things

  function el(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === false || value === null || value === undefined) continue;
      if (name === "class") node.className = value;
      else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }

  async function post(path, body, signal) {
    const response = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ page: self, ...body }),
      signal,
    });
    if (!response.ok) {
      const why = await response.json().catch(() => ({}));
      throw new Error(why.error || `the server said ${response.status}`);
    }
    return response;
  }

  /// A name with dots, which may be broken after each.
  const breakable = (name) => name.split(/(?<=\.)/).flatMap((part, index) => (index ? [el("wbr", {}), part] : [part]));

  const pathOf = (set) => set.slice(0, set.indexOf("=") < 0 ? set.length : set.indexOf("="));
  const isBelow = (path, parent) => path === parent || path.startsWith(parent + ".");
  const keyOf = (variant) => JSON.stringify(sets[variant]);

  function say(text) {
    $("status").textContent = text;
  }

  // ---- the address carries the state

  function address() {
    const state = new URLSearchParams();
    sets[0].forEach((set) => state.append("a", set));
    if (sets.length > 1) {
      state.append("two", "1");
      sets[1].forEach((set) => state.append("b", set));
    }
    const text = state.toString();
    return text ? "#" + text : "";
  }

  function remember() {
    const wanted = address();
    if (wanted !== location.hash) history.pushState(null, "", location.pathname + wanted);
  }

  function recall() {
    const state = new URLSearchParams(location.hash.slice(1));
    sets = [state.getAll("a")];
    if (state.has("two")) sets.push(state.getAll("b"));
    if (active >= sets.length) active = 0;
  }

  // ---- changes

  /// Sets a key of the active variant. What was set below the key goes with it.
  function set(path, value) {
    const kept = sets[active].filter((other) => !isBelow(pathOf(other), path));
    const first = opened(path);
    if (first && !kept.includes(first)) kept.push(first);
    kept.push(`${path}=${value}`);
    sets[active] = kept;
  }

  /// A word that stands for a section (`broker: redis`) must become that section before a key of it is set.
  function opened(path) {
    for (const [parent, row] of rows) {
      if (path === parent || !isBelow(path, parent) || !row.state || row.state.section) continue;
      const option = (row.lever.options || []).find((one) => one.word === row.state.word);
      if (option && option.value.startsWith("{") && option.value !== "{}") return `${parent}=${option.value}`;
    }
    return null;
  }

  function unset(path) {
    sets[active] = sets[active].filter((other) => !isBelow(pathOf(other), path));
  }

  /// After a change that stays: the address, the answer, the simulation.
  function settle() {
    dragging = false;
    remember();
    ask();
  }

  // ---- levers

  function build() {
    const groups = $("groups");
    table.groups.forEach((group, index) => {
      const body = el("div", {});
      group.levers.forEach((lever) => body.append(leverRow(lever)));
      const count = el("span", { class: "count" });
      const section = el("details", { open: index === 0 }, el("summary", {}, group.title, " ", count), body);
      section.count = count;
      section.paths = group.levers.map((lever) => lever.path);
      groups.append(section);
    });
    table.keys.forEach((key) => $("keys").append(el("option", { value: key.path + "=" }, key.doc)));
  }

  function leverRow(lever) {
    const id = "lever-" + lever.path.replaceAll(".", "-");
    const error = el("p", { class: "error", id: id + "-error", hidden: true });
    const row = { lever, error, state: null };
    const parts = [el("label", { for: id, title: `${lever.path}: ${lever.doc}` }, lever.label)];
    if (lever.options) {
      row.input = el("select", { id, onchange: () => chosen(row) });
      lever.options.forEach((option) => row.input.append(el("option", { value: option.word }, option.word)));
    } else {
      row.input = el("input", { id, type: "text", spellcheck: "false", onchange: () => typed(row) });
      row.slider = el("input", {
        type: "range", min: 0, max: lever.stops.length - 1, step: 1, "aria-label": lever.label,
        oninput: () => moved(row), onchange: () => { moved(row); settle(); },
      });
    }
    row.input.setAttribute("aria-describedby", error.id);
    parts.push(row.input);
    const undo = el("button", { type: "button", class: "quiet undo", title: "As in the file", "aria-label": `${lever.label}: as in the file` }, "↺");
    undo.addEventListener("click", () => { unset(lever.path); settle(); row.input.focus(); });
    parts.push(undo);
    if (row.slider) parts.push(row.slider);
    parts.push(error);
    row.node = el("div", { class: "lever", "data-path": lever.path }, ...parts);
    rows.set(lever.path, row);
    return row.node;
  }

  function chosen(row) {
    const option = row.lever.options.find((one) => one.word === row.input.value);
    if (option && option.value) set(row.lever.path, option.value);
    settle();
  }

  function typed(row) {
    const value = row.input.value.trim();
    if (value) set(row.lever.path, value);
    else unset(row.lever.path);
    settle();
  }

  function moved(row) {
    const stop = row.lever.stops[Number(row.slider.value)];
    if (dragging === false || row.input.value !== stop) {
      dragging = true;
      row.input.value = stop;
      row.slider.setAttribute("aria-valuetext", stop);
      set(row.lever.path, stop);
      ask();
    }
  }

  function place(states, errors) {
    const set = sets[active].map(pathOf);
    for (const state of states) {
      const row = rows.get(state.path);
      row.state = state;
      const held = document.activeElement === row.input && row.input.tagName === "INPUT" && row.input.value !== row.shown;
      if (row.slider) {
        if (!dragging && state.at !== null) row.slider.value = state.at;
        row.slider.setAttribute("aria-valuetext", state.text || "not set");
        if (!dragging && !held) row.input.value = row.shown = state.text;
      } else {
        options(row, state);
      }
      row.node.classList.toggle("changed", set.some((path) => isBelow(path, state.path)));
      const mine = errors.filter((error) => error.path !== null && isOwn(error.path, state.path));
      row.error.hidden = mine.length === 0;
      row.error.textContent = mine.map((error) => error.message).join("; ");
      row.input.setAttribute("aria-invalid", mine.length > 0);
    }
    for (const row of rows.values()) {
      const needs = row.lever.needs;
      const parent = needs && rows.get(needs.path);
      row.node.hidden = Boolean(parent) && (parent.node.hidden || !needs.words.includes(parent.state.word));
    }
    for (const section of $("groups").children) {
      const count = section.paths.filter((path) => rows.get(path).node.classList.contains("changed")).length;
      section.count.textContent = count ? `(${count} changed)` : "";
    }
  }

  /// The lever that a mistake is shown at: that of its key, or of the nearest key above it.
  function isOwn(path, lever) {
    let best = null;
    for (const known of rows.keys()) {
      if (isBelow(path, known) && (best === null || known.length > best.length)) best = known;
    }
    return best === lever;
  }

  function options(row, state) {
    for (const option of [...row.input.options]) {
      const known = row.lever.options.find((one) => one.word === option.value);
      if (!known) option.remove();
      else option.hidden = option.disabled = !known.value && option.value !== state.word;
    }
    if (state.word === null) row.input.append(el("option", { value: "", disabled: true }, state.text || "not set"));
    row.input.value = state.word === null ? "" : state.word;
  }

  function listChanges() {
    const list = sets[active];
    const whose = sets.length > 1 ? ` in ${letters[active]}` : "";
    $("changed").textContent = list.length === 0 ? `No changes${whose}` : `Changes${whose}`;
    $("changes").replaceChildren(
      ...list.map((one, index) => {
        const remove = el("button", { type: "button", class: "quiet", "aria-label": `Take back ${one}` }, "take back");
        remove.addEventListener("click", () => { sets[active].splice(index, 1); settle(); });
        return el("li", {}, el("code", {}, one), remove);
      }),
    );
  }

  /// Says whether more is to come.
  function busy() {
    $("answers").setAttribute("aria-busy", asking || timer !== 0 || runs.some((run) => run && run.state === "running"));
  }

  // ---- the closed form: one request at a time, and the newest state next

  let asking = false;
  let again = false;

  async function ask() {
    clearTimeout(timer);
    timer = 0;
    stopOld();
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    busy();
    try {
      do {
        again = false;
        const variants = sets.map((list) => ({ set: list }));
        const answer = await (await post("/answer", { variants })).json();
        if (answer.overtaken) continue;
        if (answer.variants.length === sets.length) show(answer);
      } while (again);
      if (!dragging) {
        announce();
        timer = setTimeout(simulateAll, wait);
      }
    } catch (error) {
      trouble(`No answer: ${error.message}. Is plimsoll still running?`);
    } finally {
      asking = false;
      busy();
    }
  }

  function show(answer) {
    shown = answer;
    latest = answer.variants.map((variant, index) => (variant.errors ? (latest && latest[index]) || null : variant));
    const errors = answer.variants[active].errors || [];
    const name = (latest.find(Boolean) || {}).name;
    if (name) {
      $("name").textContent = name;
      document.title = `What if: ${name}`;
    }
    place(answer.variants[active].levers, errors);
    listChanges();
    problems(answer.variants);
    draw();
  }

  function draw() {
    drawVerdicts();
    drawFigures();
    drawResources();
    drawAdvice();
    drawHow();
    const two = sets.length > 1;
    $("which").hidden = !two;
    $("compare").setAttribute("aria-pressed", two);
    $("compare").textContent = two ? "Only this variant" : "Compare with a variant";
    document.querySelectorAll('input[name="variant"]').forEach((radio) => { radio.checked = Number(radio.value) === active; });
  }

  function trouble(text) {
    $("problems").hidden = false;
    $("problems").replaceChildren(el("pre", {}, text));
  }

  function problems(variants) {
    const lines = [];
    variants.forEach((variant, index) => {
      (variant.errors || []).forEach((error) => lines.push((sets.length > 1 ? `${letters[index]}: ` : "") + error.text));
    });
    $("problems").hidden = lines.length === 0;
    $("problems").replaceChildren(...(lines.length ? [el("pre", {}, lines.join("\n\n"))] : []));
  }

  function announce() {
    const parts = sets.map((_, index) => {
      const variant = shown && shown.variants[index];
      const letter = sets.length > 1 ? `${letters[index]}: ` : "";
      if (!variant) return "";
      if (variant.errors) return `${letter}${variant.errors.length} mistakes`;
      return `${letter}${variant.first ? variant.first.resource + " first, " + variant.first.when + "; " : ""}${variant.figures.servers} servers required`;
    });
    say(parts.join(". "));
  }

  // ---- simulations

  /// A simulation of what is no longer shown is of no use.
  function stopOld() {
    runs.forEach((run, variant) => {
      if (run && (variant >= sets.length || run.key !== keyOf(variant))) {
        run.abort.abort();
        runs[variant] = null;
      }
    });
  }

  function simulateAll() {
    timer = 0;
    sets.forEach((_, variant) => {
      const usable = shown && shown.variants[variant] && !shown.variants[variant].errors;
      if ($("simulate").checked && usable && !(runs[variant] && runs[variant].key === keyOf(variant))) simulate(variant);
    });
    drawVerdicts();
    busy();
  }

  async function simulate(variant) {
    const run = { key: keyOf(variant), state: "running", progress: null, result: null, abort: new AbortController() };
    runs[variant] = run;
    try {
      const response = await post("/simulate", { variant, set: sets[variant] }, run.abort.signal);
      for await (const [event, data] of events(response.body)) {
        if (runs[variant] !== run) return;
        if (event === "progress") run.progress = data;
        else if (event === "result") Object.assign(run, { state: "done", result: data });
        else if (event === "errors") Object.assign(run, { state: "failed", errors: data.errors });
        else run.state = "overtaken";
        if (event === "progress") drawVerdicts();
        else draw();
      }
    } catch (error) {
      if (runs[variant] === run && error.name !== "AbortError") Object.assign(run, { state: "failed", errors: [{ message: error.message }] });
      drawVerdicts();
    }
    busy();
    if (run.state === "done" && runs[variant] === run) {
      const verdict = run.result.verdict;
      say(`${sets.length > 1 ? letters[variant] + ": " : ""}simulated${verdict ? ", objectives " + verdict.text : ""}`);
    }
  }

  /// The events of a stream, one after the other.
  async function* events(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const [event, data] = text.slice(0, end).split("\ndata: ");
        text = text.slice(end + 2);
        yield [event.slice("event: ".length), JSON.parse(data)];
      }
    }
  }

  // ---- answers

  const letter = (index) => (sets.length > 1 ? el("span", { class: `letter ${index ? "b" : "a"}` }, letters[index]) : null);
  const results = (index) => (runs[index] && runs[index].state === "done" ? runs[index].result : null);

  /// A section for each variant; what a mistake keeps from being new is shown faded.
  function perVariant(id, draw) {
    $(id).replaceChildren(
      ...sets.map((_, index) => {
        const variant = latest && latest[index];
        const stale = shown && shown.variants[index] && shown.variants[index].errors;
        return el("section", { class: stale ? "stale" : "" }, ...(variant ? draw(variant, index) : []));
      }),
    );
  }

  function drawVerdicts() {
    perVariant("verdicts", (variant, index) => {
      const result = results(index);
      const tone = { met: "good", "not met": "bad", undecided: "warn" }[result && result.verdict && result.verdict.word] || "";
      const first = variant.first
        ? [el("p", { class: "answer" }, letter(index), " ", ...breakable(variant.first.resource), " first"), el("p", { class: "small when" }, variant.first.when)]
        : [el("p", { class: "answer" }, letter(index), " nothing gives way")];
      const servers = el("p", { "data-figure": "servers" }, `${variant.figures.servers} servers required`,
        variant.figures.price ? `, ${variant.figures.price}` : "",
        variant.figures.servers_given ? `; the scenario has ${variant.figures.servers_given}` : "");
      const extra = el("p", { class: "small extra" }, [variant.figures.messages_in + " in", variant.figures.messages_out + " out", variant.figures.logs && variant.figures.logs + " of logs"].filter(Boolean).join(", "));
      return [el("div", { class: `verdict ${tone}` }, ...first, servers, extra, runLine(index, result))];
    });
  }

  function runLine(index, result) {
    const run = runs[index];
    const line = el("div", { class: "run", "data-run": run ? run.state : "none" });
    if (!run) {
      line.append(el("span", { class: "small" }, "not simulated"));
    } else if (run.state === "running") {
      const share = run.progress ? run.progress.share : null;
      line.append(el("progress", { max: 1, value: share, "aria-label": "simulation" }), el("span", { class: "small" }, run.progress && share > 0 ? run.progress.text : "simulating"));
    } else if (run.state === "done") {
      const figures = result.figures;
      line.append(el("span", {}, figures.p99 ? `p50 ${plain(figures.p50)}, p99 ${plain(figures.p99)}` : figures.mean));
      if (result.verdict) line.append(el("span", { class: `tag ${{ met: "good", "not met": "bad" }[result.verdict.word] || "warn"}` }, `objectives ${result.verdict.text}`));
    } else if (run.state === "failed") {
      line.append(el("span", { class: "error" }, run.errors.map((error) => error.message).join("; ")));
    } else {
      line.append(el("span", { class: "small" }, "another simulation took its place"));
    }
    return line;
  }

  /// A figure without its interval.
  const plain = (text) => text.split(" (")[0];

  /// With one variant, closed form and simulation each have a column; with two they share it.
  function drawFigures() {
    const two = sets.length > 1;
    const names = (index) => [el("span", { class: "closed" }, "closed form"), el("span", { class: "simulated" }, "simulated (95 %)")].map((name) => (index === null ? name.textContent : name));
    const head = [el("th", { scope: "col" }, "figure")];
    if (two) {
      sets.forEach((_, index) => head.push(el("th", { scope: "col", class: "two" }, letter(index), ...names(index))));
      head.push(el("th", { scope: "col" }, "B against A"));
    } else {
      names(null).forEach((name) => head.push(el("th", { scope: "col" }, name)));
    }
    const body = el("tbody", {});
    let group = "";
    for (const [key, section, label] of table.figures) {
      const found = sets.map((_, index) => {
        const result = results(index);
        const closed = latest && latest[index] && latest[index].figures[key];
        return [closed, result && result.figures[key]];
      });
      if (!found.flat().some(Boolean)) continue;
      if (section !== group) {
        group = section;
        body.append(el("tr", {}, el("th", { scope: "rowgroup", colspan: head.length }, section)));
      }
      const cells = found.flatMap(([closed, simulated], index) => {
        const parts = [closed && el("span", { class: "closed" }, closed), simulated && el("span", { class: "simulated" }, simulated)];
        const cell = (...content) => el("td", { class: two ? "two" : "", "data-figure": key, "data-variant": letters[index] }, ...content.filter(Boolean));
        return two ? [cell(...parts)] : parts.map((part) => cell(part));
      });
      if (two) cells.push(el("td", { "data-difference": key }, (shown.differences || {})[key] || ""));
      body.append(el("tr", {}, el("th", { scope: "row" }, label), ...cells));
    }
    $("figures").replaceChildren(el("thead", {}, el("tr", {}, ...head)), body);
  }

  function drawResources() {
    const states = { fine: "", tight: "past its target", over: "past its limit" };
    perVariant("resources", (variant, index) => [
      sets.length > 1 ? el("h3", {}, letter(index)) : null,
      el("ol", { class: "bars" }, ...variant.resources.map((one) => {
        const fill = el("div", { class: "fill" });
        fill.style.width = `${Math.min(one.share, 1) * 100}%`;
        return el("li", { class: one.state, "data-resource": one.resource },
          el("div", { class: "line" }, el("span", {}, one.resource, states[one.state] ? el("span", { class: "error" }, ` ${states[one.state]}`) : null), el("span", {}, one.used)),
          el("div", { class: "track", "aria-hidden": "true" }, fill),
          el("small", {}, `target at ${one.at_target} users, limit at ${one.at_limit}; ${one.units}`));
      })),
    ].filter(Boolean));
  }

  function drawAdvice() {
    perVariant("advice", (variant, index) => [
      sets.length > 1 ? el("h3", {}, letter(index)) : null,
      el("ol", {}, ...variant.advice.map((one) => el("li", {}, el("strong", {}, one.resource), `: ${one.solution}`,
        el("ul", {}, ...one.trade_offs.map((line) => el("li", { class: "muted" }, line)))))),
    ].filter(Boolean));
  }

  function drawHow() {
    perVariant("how", (variant, index) => {
      const result = results(index);
      const out = [sets.length > 1 ? el("h3", {}, letter(index)) : null, el("p", { class: "small" }, variant.note)];
      if (result) {
        out.push(el("p", {}, result.how));
        if (result.objectives.length) out.push(el("ul", {}, ...result.objectives.map((one) => el("li", {}, `${one.name} at most ${one.limit}: ${one.found}, ${one.verdict}${one.sure ? "" : ", not surely"}`))));
        result.warnings.forEach((warning) => out.push(el("p", { class: "muted" }, `Note: ${warning}.`)));
      }
      if (variant.assumed.length) {
        out.push(el("details", {}, el("summary", {}, `Defaults that the answer depends on: ${variant.assumed.length}`),
          el("ul", {}, ...variant.assumed.map((one) => el("li", {}, el("code", {}, `${one.path}: ${one.value}`), ` (${one.source})`)))));
      }
      out.push(el("p", { class: "muted" }, `Seed ${variant.seed}, scenario ${variant.hash}.`));
      return out.filter(Boolean);
    });
  }

  // ---- buttons

  $("levers").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("assignment").value.trim();
    if (!text) return;
    const path = pathOf(text);
    if (text.includes("=")) set(path.trim(), text.slice(path.length + 1).trim());
    else sets[active].push(text);
    $("assignment").value = "";
    $("doc").textContent = "";
    settle();
  });

  $("assignment").addEventListener("input", () => {
    const key = table && table.keys.find((one) => one.path === pathOf($("assignment").value.trim()));
    $("doc").textContent = key ? key.doc : "";
  });

  document.querySelectorAll('input[name="variant"]').forEach((radio) => {
    radio.addEventListener("change", () => {
      active = Number(radio.value);
      if (shown) show(shown);
    });
  });

  $("compare").addEventListener("click", () => {
    if (sets.length > 1) {
      sets = [sets[active]];
      if (active === 1) { runs[0] = runs[1]; runs[1] = null; }
      active = 0;
    } else {
      sets.push([...sets[0]]);
      runs[1] = runs[0] && runs[0].state === "done" ? { ...runs[0] } : null;
      active = 1;
    }
    latest = null;
    settle();
  });

  $("reset").addEventListener("click", () => {
    sets = [[]];
    active = 0;
    latest = null;
    settle();
  });

  $("link").addEventListener("click", async () => {
    remember();
    try {
      await navigator.clipboard.writeText(location.href);
      flash($("link"), "Copied");
    } catch {
      flash($("link"), "Copy the address bar");
    }
  });

  $("save").addEventListener("click", async () => {
    try {
      const answer = await (await post("/yaml", { set: sets[active] })).json();
      if (answer.errors) {
        trouble(answer.errors.map((error) => error.text).join("\n\n"));
        return;
      }
      const url = URL.createObjectURL(new Blob([answer.text], { type: "application/yaml" }));
      el("a", { href: url, download: answer.file }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60000);
      flash($("save"), `Saved ${answer.file}`);
    } catch (error) {
      trouble(`Not saved: ${error.message}. Is plimsoll still running?`);
    }
  });

  function flash(button, text) {
    const before = button.dataset.text || button.textContent;
    button.dataset.text = before;
    button.textContent = text;
    say(text);
    setTimeout(() => { button.textContent = before; }, 2500);
  }

  $("simulate").addEventListener("change", () => {
    if (!$("simulate").checked) {
      runs.forEach((run, variant) => {
        if (run && run.state === "running") { run.abort.abort(); runs[variant] = null; }
      });
    }
    simulateAll();
  });

  addEventListener("popstate", () => {
    recall();
    latest = null;
    dragging = false;
    ask();
  });

  // ---- begin

  (async () => {
    try {
      table = await (await fetch("/levers")).json();
    } catch {
      trouble("No answer. Is plimsoll still running?");
      return;
    }
    build();
    recall();
    ask();
  })();
})();
