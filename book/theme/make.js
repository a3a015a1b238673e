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
