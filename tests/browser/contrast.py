"""How well a text can be read: the ratio of WCAG 2 between its colour and what lies behind it, as the browser has them."""

READABLE = 4.5
"""What WCAG 2 asks for text that is not large (1.4.3, level AA)."""
MEASURE = """node => {
  const canvas = new OffscreenCanvas(1, 1), pen = canvas.getContext('2d', { willReadFrequently: true })
  const rgba = colour => {
    pen.clearRect(0, 0, 1, 1)
    pen.fillStyle = colour
    pen.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data
    return [r, g, b, a / 255]
  }
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)]
  const luminance = rgb => {
    const [r, g, b] = rgb.map(v => v / 255).map(v => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = one => {
    const layers = []
    for (let at = one; at; at = at.parentElement) {
      const layer = rgba(getComputedStyle(at).backgroundColor)
      if (layer[3] > 0) layers.push(layer)
      if (layer[3] === 1) break
    }
    return layers.reduceRight((below, layer) => over(layer, below), [255, 255, 255])
  }
  const opacity = one => {
    let all = 1
    for (let at = one; at && at !== node.parentElement; at = at.parentElement) all *= getComputedStyle(at).opacity
    return all
  }
  const measure = (one, colour, text) => {
    const ground = behind(one)
    const [r, g, b, a] = rgba(colour)
    const [light, dark] = [luminance(over([r, g, b, a * opacity(one)], ground)), luminance(ground)].sort((x, y) => y - x)
    const ratio = Math.round(((light + 0.05) / (dark + 0.05)) * 100) / 100
    return { text: text.trim().slice(0, 40), where: one.getAttribute('class') ?? one.tagName, ratio }
  }
  const found = []
  const texts = document.createTreeWalker(node, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const one = texts.currentNode.parentElement, text = texts.currentNode.textContent
    if (!text.trim() || !one.checkVisibility({ visibilityProperty: true }) || one.closest('.tnb-offscreen')) continue
    found.push(measure(one, getComputedStyle(one).color, text))
  }
  for (const one of node.querySelectorAll('input[placeholder]')) {
    if (one.checkVisibility()) found.push(measure(one, getComputedStyle(one, '::placeholder').color, one.placeholder))
  }
  // A chart's text is in its picture: the numbers of the y axis stand left of the plot, and their best pixel is their ink.
  for (const one of node.querySelectorAll('canvas')) {
    if (!one.checkVisibility() || !one.width) continue
    const scale = one.width / one.clientWidth, wide = Math.floor(46 * scale)
    const pixels = one.getContext('2d').getImageData(0, 0, wide, one.height).data
    const inks = new Set()
    for (let at = 0; at < pixels.length; at += 4) if (pixels[at + 3]) inks.add(pixels.slice(at, at + 4).join())
    const all = [...inks].map(ink => ink.split(',').map(Number)).map(([r, g, b, a]) => `rgb(${r} ${g} ${b} / ${a / 255})`)
    if (all.length) found.push(all.map(ink => measure(one, ink, 'y axis')).sort((x, y) => y.ratio - x.ratio)[0])
  }
  return found
}"""


def ratios(node):
    """Of each text that a node (a locator of one) shows: `text`, `where` (its classes) and `ratio`."""
    return node.evaluate(MEASURE)


def unreadable(node, least=READABLE):
    """What is below this ratio, as text for people; "" where nothing is."""
    found = ratios(node)
    assert found  # it shows something at all
    return "\n".join(f"{one['ratio']}: {one['text']!r} of {one['where']}" for one in found if one["ratio"] < least)
