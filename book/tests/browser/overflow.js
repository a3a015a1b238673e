// What of this page sticks out of the window sideways. Whoever scrolls inside itself may
// hold more than it shows.
(() => {
    const width = document.documentElement.clientWidth;
    const complaints = [];
    ['html', 'body', '#mdbook-body-container', '.content', 'main'].forEach((selector) => {
        const element = document.querySelector(selector);
        if (element && element.scrollWidth > element.clientWidth + 1) {
            complaints.push(`${selector} is ${element.scrollWidth} wide, and shows ${element.clientWidth}`);
        }
    });
    const frame = document.querySelector('.content');
    const scrolls = (element) => {
        for (let it = element; it && it !== frame; it = it.parentElement) {
            if (it !== element && getComputedStyle(it).overflowX !== 'visible') {
                return true;
            }
        }
        return false;
    };
    document.querySelectorAll('main *').forEach((element) => {
        const { left, right } = element.getBoundingClientRect();
        const sticksOut = right > width + 1 || (left < -1 && right > left);
        if (sticksOut && element.checkVisibility({ visibilityProperty: true }) && !scrolls(element)) {
            complaints.push(`${element.tagName}.${element.className} goes from ${left} to ${right}`);
        }
    });
    return complaints;
})()
