// The interactive chart and the tables' CSV buttons. The page is complete without this script.
const LN2 = Math.LN2;
const LONGEST = 1000; // years that are looked ahead

// ln((e^z - 1)/z), stable near 0 and for large z (the printed form of the equation is wrong there).
function logPhi(z) {
  if (Math.abs(z) < 1e-4) return z / 2 + z * z / 24;
  if (z > 30) return z - Math.log(z) + Math.log1p(-Math.exp(-z));
  return Math.log(Math.expm1(z) / z);
}

// ln X(t): compute relative to today's, cumulative over a fleet or of the largest run.
function logComputeRatio(t, s) {
  if (s.convention === "run") {
    const grown = s.gamma * t + Math.min(s.power * t, s.power_cap) + Math.min(s.duration * t, s.duration_cap);
    return grown * LN2 + Math.log(s.fleet);
  }
  if (t === 0 || s.fleet === 0) return 0;
  const grown = Math.log(s.fleet) - Math.log(s.baseline_years) + Math.log(t) + logPhi(s.gamma * t * LN2);
  return grown > 0 ? grown + Math.log1p(Math.exp(-grown)) : Math.log1p(Math.exp(grown));
}

function relativeLoss(t, s) {
  return s.floor + (1 - s.floor) * Math.exp(-s.kappa * logComputeRatio(t, s));
}

// The chart: grey lines of the scenarios with their names, the reader's line and its points over them.
function chart(place, horizon) {
  const small = matchMedia("(max-width: 50rem)"), top = 12, bottom = 42, left = 40;
  const make = (tag, attributes, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const svg = make("svg", { role: "img", "aria-label": "Loss relative to today over the years", fill: "currentColor", "font-size": 12 });
  place.append(svg);
  return (presets, ends, curve, points, band) => {
    // on a telephone there is no room for the scenarios' names: their lines stay, in grey
    const [width, height, right, names] = small.matches ? [340, 260, 12, []] : [840, 330, 250, ends];
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const edges = band.flatMap((row) => [{ t: row[0], r: row[1] }, { t: row[0], r: row[2] }]);
    const losses = [...presets.flat(), ...curve, ...edges].map((point) => point.r).filter(Number.isFinite);
    const lowest = Math.min(...losses), highest = Math.max(1, ...losses);
    const x = (t) => left + (width - left - right) * t / horizon;
    const y = (r) => top + (height - top - bottom) * (highest - r) / (highest - lowest || 1);
    const line = (rows) => rows.map((row, i) => `${i ? "L" : "M"}${x(row.t).toFixed(1)} ${y(row.r).toFixed(1)}`).join("");
    const step = 10 ** Math.floor(Math.log10((highest - lowest || 1) / 2)) || 1;
    const gap = (highest - lowest) / step > 8 ? 2 * step : step, digits = Math.max(0, -Math.floor(Math.log10(gap)));
    const drawn = [];
    for (let r = Math.ceil(lowest / gap) * gap; r <= highest + 1e-12; r += gap) {
      drawn.push(make("path", { d: `M${left} ${y(r)}H${width - right}`, stroke: "currentColor", opacity: 0.2 }));
      drawn.push(make("text", { x: left - 6, y: y(r) + 4, "text-anchor": "end" }, r.toFixed(digits)));
    }
    for (let t = 0; t <= horizon; t += horizon > 5 ? 2 : 1) {
      drawn.push(make("text", { x: x(t), y: height - bottom + 18, "text-anchor": "middle" }, String(t)));
    }
    drawn.push(make("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, "years after the data date"));
    if (band.length) {
      const around = [...band.map((row) => ({ t: row[0], r: row[1] })), ...band.toReversed().map((row) => ({ t: row[0], r: row[2] }))];
      drawn.push(make("path", { d: `${line(around)}Z`, class: "band" }));
    }
    for (const rows of presets) drawn.push(make("path", { d: line(rows), fill: "none", stroke: "currentColor", opacity: 0.45 }));
    for (const name of names) drawn.push(make("text", { x: x(name.t) + 6, y: y(name.r) + 4 }, name.id));
    drawn.push(make("path", { d: line(curve), fill: "none", class: "own", "stroke-width": 3 }));
    for (const row of points) drawn.push(make("circle", { cx: x(row.t), cy: y(row.r), r: 4, class: "own" }));
    svg.replaceChildren(...drawn);
  };
}

function explorer(root, data) {
  const $ = (id) => document.getElementById(`explorer-${id}`);
  const names = ["kappa", "gamma", "fleet", "floor"];
  const legal = {
    kappa: (v) => v > 0, gamma: Number.isFinite, fleet: (v) => v > 0, floor: (v) => v >= 0 && v < 1,
    baseline_years: (v) => v > 0, target: (v) => v > 0 && v <= 1, years: (v) => v >= 0 && v <= LONGEST,
  };
  const sliders = Object.fromEntries(data.sliders.map((slider) => [slider.name, slider]));
  const state = { target: 0.9, years: 5, ...data.presets[0] };

  const times = Array.from({ length: 121 }, (_, i) => data.horizon * i / 120);
  const curveOf = (s) => times.map((t) => ({ t, r: relativeLoss(t, s) }));

  const draw = chart($("chart"), data.horizon);

  // Names at the right-hand end, moved apart where lines end close together.
  function endLabels(shown) {
    const ends = shown.map((p) => ({ t: data.horizon, r: relativeLoss(data.horizon, p), id: p.id.split(".")[0].replaceAll("_", " ") }));
    ends.sort((a, b) => a.r - b.r);
    const lowest = Math.min(relativeLoss(data.horizon, state), ends.length ? ends[0].r : 1);
    const gap = 0.042 * (1 - lowest);
    ends.forEach((end, i) => { end.r = i ? Math.max(end.r, ends[i - 1].r + gap) : end.r; });
    const over = ends.length ? ends[ends.length - 1].r - 1 : 0;
    if (over > 0) ends.reverse().forEach((end, i) => { end.r = Math.min(end.r, i ? ends[i - 1].r - gap : 1); });
    return ends;
  }

  function write(value) {
    if (value === 0) return "0";
    return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
  }

  // A field that is being typed in keeps what is typed; any other shows the value in full.
  function fill(field, value) {
    if (document.activeElement !== field || Number(field.value) !== value) field.value = String(value);
    field.removeAttribute("aria-invalid");
  }

  function when() {
    if (relativeLoss(LONGEST, state) > state.target) return `not within ${LONGEST} years`;
    let low = 0, high = LONGEST;
    for (let i = 0; i < 60; i += 1) {
      const middle = (low + high) / 2;
      if (relativeLoss(middle, state) > state.target) low = middle; else high = middle;
    }
    return `after ${write(high)} years`;
  }

  function show() {
    for (const name of names) {
      const slider = sliders[name], input = $(name);
      input.value = slider.log ? Math.log2(state[name]) : state[name];
      input.setAttribute("aria-valuetext", `${slider.unit === "×" ? "×" : ""}${write(state[name])}`);
      fill($(`${name}-number`), state[name]);
    }
    fill($("target"), state.target); fill($("years"), state.years);
    $("when").textContent = when();
    $("then").textContent = `${relativeLoss(state.years, state).toFixed(4)} of today’s loss`;
    for (const cell of root.querySelectorAll("output[data-bill]")) {
      const one = data.bill[cell.dataset.bill][Number(cell.dataset.place)];
      cell.textContent = state.convention === "run" ? "no fleet" : write(one * state.fleet);
    }
    $("convention").value = state.convention;
    const known = data.presets.find((p) => [...names, "convention"].every((name) => p[name] === state[name]));
    $("preset").value = known ? known.id : "";
    const points = data.years.map((t) => ({ t, r: relativeLoss(t, state) }));
    for (const cell of root.querySelectorAll("output[data-year]")) {
      const r = relativeLoss(Number(cell.dataset.year), state);
      cell.textContent = r.toFixed(4);
      cell.dataset.value = String(r);
    }
    const shown = data.presets.filter((p) => p.drawn && p.reading === (state.floor > 0 ? "reducible" : "total"));
    draw(shown.map(curveOf), endLabels(shown), curveOf(state), points, known ? known.band : []);
  }

  function remember() {
    const words = [...names, "baseline_years", "target", "years"].map((name) => `${name}=${state[name]}`);
    try { history.replaceState(null, "", `#explorer?${words.join("&")}&convention=${state.convention}`); } catch { /* no history here */ }
  }

  function recall() {
    const found = /^#explorer\?(.*)$/.exec(location.hash);
    if (!found) return;
    const given = new URLSearchParams(found[1]);
    for (const name of Object.keys(legal)) {
      const value = given.has(name) && given.get(name).trim() !== "" ? Number(given.get(name)) : NaN;
      if (Number.isFinite(value) && legal[name](value)) state[name] = value;
    }
    if (["cumulative", "run"].includes(given.get("convention"))) state.convention = given.get("convention");
  }

  for (const [name, field] of [...names.map((item) => [item, $(`${item}-number`)]), ["target", $("target")], ["years", $("years")]]) {
    field.addEventListener("input", () => {
      const value = field.value.trim() === "" ? NaN : Number(field.value);
      if (!Number.isFinite(value) || !legal[name](value)) { field.setAttribute("aria-invalid", "true"); return; }
      state[name] = value;
      show(); remember();
    });
    field.addEventListener("change", show);
  }
  for (const name of names) {
    $(name).addEventListener("input", (event) => {
      const value = Number(event.target.value);
      state[name] = sliders[name].log ? 2 ** value : value;
      show(); remember();
    });
  }
  $("convention").addEventListener("change", (event) => { state.convention = event.target.value; show(); remember(); });
  $("preset").addEventListener("change", (event) => {
    const preset = data.presets.find((p) => p.id === event.target.value);
    if (preset) { Object.assign(state, preset); show(); remember(); }
  });
  addEventListener("hashchange", () => { recall(); show(); });
  matchMedia("(max-width: 50rem)").addEventListener("change", show);

  root.hidden = false;
  document.getElementById("explorer-still").hidden = true;
  recall(); show();
}

// A cell a spreadsheet would run as a formula is kept as text by a leading apostrophe; numbers stay numbers.
function csvCell(cell) {
  const number = cell.children.length === 1 && cell.firstElementChild.tagName === "DATA" ? cell.firstElementChild : null;
  if (number && cell.textContent === number.textContent && number.value !== "") return number.value;
  let text = cell.textContent.replace(/\s+/g, " ").trim();
  if (/^[=+\-@\u2212\t\r]/.test(text)) text = `'${text}`;
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csvButtons() {
  for (const table of document.querySelectorAll(".scroll > table[id]:not(#explorer-results)")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "csv";
    button.textContent = "Save this table as CSV";
    button.setAttribute("aria-describedby", `${table.id}-caption`);
    button.addEventListener("click", () => {
      const lines = [...table.rows].map((row) => [...row.cells].map(csvCell).join(","));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }));
      link.download = `${table.id}.csv`;
      link.click();
      URL.revokeObjectURL(link.href);
    });
    table.parentElement.after(button);
  }
}

// A link into a folded part opens it; not every browser does that by itself.
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)).split("?")[0]);
  for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  if (target) target.scrollIntoView();
}

const place = document.getElementById("explorer");
if (place) explorer(place, JSON.parse(document.getElementById("explorer-data").textContent));
csvButtons();
addEventListener("hashchange", unfold);
if (location.hash) unfold();
