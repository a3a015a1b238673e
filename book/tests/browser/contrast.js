// Texts of this page that stand out less than 4.5 to 1 from what is behind them, in each of
// mdBook's themes; without scripts there is but one, and a page that stands alone has its own. What is folded away is opened first.
(async () => {
    const still = document.createElement('style');
    still.textContent = '* { transition: none !important; animation: none !important }';
    document.head.append(still);
    document.querySelectorAll('main [hidden]').forEach((it) => { it.hidden = false; });
    document.querySelectorAll('details').forEach((it) => { it.open = true; });
    const hasThemes = document.documentElement.classList.contains('js')
        && document.getElementById('mdbook-theme-light') !== null;
    const themes = hasThemes ? ['light', 'rust', 'coal', 'navy', 'ayu'] : ['its only theme'];

    const colour = (text) => {
        const [r, g, b, a = 1] = text.match(/^rgba?\((.*)\)$/)[1].split(/[,/ ]+/).map(Number);
        return { r, g, b, a };
    };
    const mix = (front, back, share) => ({
        r: front.r * share + back.r * (1 - share),
        g: front.g * share + back.g * (1 - share),
        b: front.b * share + back.b * (1 - share),
        a: 1,
    });
    const light = ({ r, g, b }) => [r, g, b]
        .map(it => it / 255)
        .map(it => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4))
        .reduce((sum, it, n) => sum + it * [0.2126, 0.7152, 0.0722][n], 0);
    const ratio = (one, other) => {
        const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
        return (bright + 0.05) / (dark + 0.05);
    };

    // What is behind the inside of an element, and how much the whole of it lets through.
    const behind = (element, known) => {
        if (!element) {
            return { back: { r: 255, g: 255, b: 255, a: 1 }, fades: [] };
        }
        if (!known.has(element)) {
            const around = behind(element.parentElement, known);
            const style = getComputedStyle(element);
            const own = colour(style.backgroundColor);
            const back = mix(own, around.back, own.a);
            const fades = +style.opacity === 1
                ? around.fades : [{ share: +style.opacity, to: around.back }, ...around.fades];
            known.set(element, { back, fades });
        }
        return known.get(element);
    };
    const measured = (element, known) => {
        const style = getComputedStyle(element);
        const front = colour(element instanceof SVGElement ? style.fill : style.color);
        let { back, fades } = behind(element, known);
        let text = mix(front, back, front.a);
        fades.forEach(({ share, to }) => {
            text = mix(text, to, share);
            back = mix(back, to, share);
        });
        return ratio(text, back);
    };

    const isShown = (node) => {
        const element = node.parentElement;
        if (!node.data.trim() || element.closest('script, style, noscript, template, :disabled')
            || !element.checkVisibility({ visibilityProperty: true })) {
            return false;
        }
        const range = document.createRange();
        range.selectNodeContents(node);
        return [...range.getClientRects()].some(({ width, height }) => width > 1 && height > 1);
    };
    const texts = () => {
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const found = [];
        while (walker.nextNode()) {
            if (isShown(walker.currentNode)) {
                found.push(walker.currentNode);
            }
        }
        return found;
    };

    const faint = new Map();
    for (const theme of themes) {
        if (hasThemes) {
            document.getElementById(`mdbook-theme-${theme}`).click();
            await new Promise((then) => { requestAnimationFrame(then); });
        }
        const known = new Map();
        const done = new Map();
        texts().forEach((node) => {
            const element = node.parentElement;
            if (!done.has(element)) {
                done.set(element, measured(element, known));
            }
            if (done.get(element) < 4.5) {
                const { tagName, className, parentElement } = element;
                const where = `${parentElement.tagName}.${parentElement.className} > ${tagName}.${className}`;
                const key = `${theme}: ${where} stands out by ${done.get(element).toFixed(2)}`;
                faint.set(key, node.data.trim().slice(0, 40));
            }
        });
    }
    if (hasThemes) {
        localStorage.removeItem('mdbook-theme');
    }
    return [...faint].map(([key, text]) => `${key}: "${text}"`);
})()
