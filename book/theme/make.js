// For all scripts: an element with attributes and children. What comes as a string becomes text, never HTML.
'use strict';

const make = (tag, attributes, ...children) => {
  const element = document.createElement(tag);
  Object.entries(attributes || {}).forEach(([name, value]) => {
    if (typeof value === 'function') {
      element.addEventListener(name, value);
    } else {
      element.setAttribute(name, value);
    }
  });
  element.append(...children);
  return element;
};
lineage.make = make;

// Whether the page comes from the server of this book, which can run something.
lineage.isServed = /^http:\/\/(127\.0\.0\.1|localhost):/.test(location.href);
