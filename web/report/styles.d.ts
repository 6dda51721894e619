/** Styles are taken out of the bundle and put into the page. */
declare module '*.css';
