// What of this page cannot be read without scripts.
(() => {
    const complaints = [];
    const isShown = element => element.checkVisibility({ visibilityProperty: true });
    document.querySelectorAll('figure.trace').forEach((figure) => {
        const { events } = JSON.parse(figure.querySelector('.trace-data').textContent);
        const rows = figure.querySelectorAll('tbody tr');
        if (rows.length !== events.length || ![...rows].every(isShown)) {
            complaints.push(`${figure.id} does not show its ${events.length} steps`);
        }
        if (figure.querySelector('button, input')) {
            complaints.push(`${figure.id} has controls that do nothing`);
        }
    });
    document.querySelectorAll('.quiz .why').forEach((why) => {
        const folded = why.closest('details');
        if (folded) {
            folded.open = true;
        }
        if (!isShown(why)) {
            complaints.push(`a quiz does not say: ${why.textContent}`);
        }
    });
    document.querySelectorAll('.rosetta > section').forEach((section) => {
        if (!isShown(section)) {
            complaints.push(`a pane does not show ${section.dataset.style}`);
        }
    });
    return complaints;
})()
