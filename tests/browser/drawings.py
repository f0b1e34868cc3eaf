"""What finds, in a browser, a drawing that is cut, is read with a glass only, or has its text over its data."""

OVER_DATA = """() => {
    const grid = item => item.getAttribute('stroke') === '#dddddd' && +item.getAttribute('stroke-width') < 1;
    const band = item => ['#d3e6f2', '#a3cbe3', '#5fa8d3'].includes(item.getAttribute('fill'));
    const paper = item => item.getAttribute('fill') === '#ffffff' && !item.matches('use');
    const said = (item, name) => item.closest(`[${name}]`)?.getAttribute(name) ?? 'none';
    const within = (box, x, y, rim) =>
      x > box.left + rim && x < box.right - rim && y > box.top + rim && y < box.bottom - rim;
    return [...document.querySelectorAll('figure svg, #explorer-chart svg')]
      .filter(svg => svg.getBoundingClientRect().width > 0).flatMap(svg => {
        const back = svg.getScreenCTM().inverse(), units = (x, y) => new DOMPoint(x, y).matrixTransform(back);
        const boxed = item => {
          const box = item.getBoundingClientRect(), [a, b] = [units(box.left, box.top), units(box.right, box.bottom)];
          return {left: a.x, top: a.y, right: b.x, bottom: b.y}; };
        const clipped = item => {
          const name = /#([^)]+)/.exec(said(item, 'clip-path'));
          const rect = name && svg.querySelector(`[id="${name[1]}"] rect`)?.getBBox();
          return rect && {left: rect.x, top: rect.y, right: rect.x + rect.width, bottom: rect.y + rect.height}; };
        const marks = [...svg.querySelectorAll('path, use, rect, line, circle, polyline, polygon')]
          .filter(item => !item.closest('defs, clipPath') && !grid(item) && !band(item) && !paper(item))
          .map(item => ({item, box: boxed(item), clip: clipped(item)}));
        const covers = ({item, box, clip}, x, y) => {
          if (clip && !within(clip, x, y, 0)) return false;
          if (item.matches('use')) return within(box, x, y, .5);
          const own = item.getScreenCTM().inverse().multiply(svg.getScreenCTM());
          const point = new DOMPoint(x, y).matrixTransform(own);
          return said(item, 'fill') !== 'none' && item.isPointInFill(point)
            || said(item, 'stroke') !== 'none' && item.isPointInStroke(point); };
        return [...svg.querySelectorAll('text')].filter(text => text.textContent.trim()).flatMap(text => {
          const box = boxed(text), [width, height] = [box.right - box.left, box.bottom - box.top];
          const [x, y] = width > height ? [1, .25 * height] : [.25 * width, 1];  // letters, not the room around them
          const word = {left: box.left + x, top: box.top + y, right: box.right - x, bottom: box.bottom - y};
          const near = marks.filter(({box}) => box.right >= word.left && box.left <= word.right
            && box.bottom >= word.top && box.top <= word.bottom);
          for (let x = word.left; x <= word.right; x += 1.2)
            for (let y = word.top; y <= word.bottom; y += .6)
              for (const mark of near)
                if (covers(mark, x, y))
                  return [[svg.closest('figure')?.id, text.textContent, mark.item.outerHTML.slice(0, 90)]];
          return []; }); }); }"""
"""A bar, line or mark under the letters of a text; the grid and the bands of a fan are what it may lie on."""

CROPPED = """() => [...document.querySelectorAll('figure svg, #explorer-chart svg')]
    .filter(svg => svg.getBoundingClientRect().width > 0).flatMap(svg => {
      const box = svg.getBoundingClientRect(), name = svg.closest('figure')?.id, found = [];
      const beyond = (left, right) => box.left < left - 1 || box.right > right + 1;
      for (let place = svg.parentElement; place; place = place.parentElement) {
        const frame = place.getBoundingClientRect();
        if (getComputedStyle(place).overflowX !== 'visible' && beyond(frame.left, frame.right))
          found.push([name, 'frame']);
      }
      if (beyond(0, innerWidth)) found.push([name, 'screen']);
      const scale = svg.getScreenCTM().a;
      const least = Math.min(16, ...[...svg.querySelectorAll('text')].filter(text => text.textContent.trim())
        .map(text => parseFloat(getComputedStyle(text).fontSize) * scale));
      if (least < 9) found.push([name, least]);
      return found; })"""
"""A drawing cut by its frame or the screen, or with a text smaller than nine pixels."""
