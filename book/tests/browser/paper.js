// What of this page is lost, or is in the way, on paper.
(() => {
    const complaints = [];
    const isShown = element => element.checkVisibility({ visibilityProperty: true });
    const hidden = '.trace-controls, .trace-picture, .trace-more, .quiz button, '
        + '#mdbook-sidebar, #mdbook-menu-bar, .nav-chapters';
    document.querySelectorAll(hidden).forEach((element) => {
        if (isShown(element)) {
            complaints.push(`${element.id || element.className} is printed`);
        }
    });
    document.querySelectorAll('.trace-table').forEach((wrapper) => {
        if (wrapper.scrollHeight > wrapper.clientHeight + 1) {
            complaints.push('a table is cut off');
        }
    });
    document.querySelectorAll('.trace tr, .rosetta > section, .quiz .why, '
        + '.drawing .frame, details.guess > *, details.long > *').forEach((element) => {
        if (!isShown(element)) {
            complaints.push(`not printed: ${element.textContent.slice(0, 60)}`);
        }
    });
    return complaints;
})()
