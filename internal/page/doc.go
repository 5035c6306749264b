// Package page serves what browsers load: the desk, the widget and its loader, the demo shop, the widget's configuration, and
// the two probes of an operator.
//
//	/              → /desk/
//	/desk/…        the desk; unknown paths get its index.html, because it routes by itself
//	/widget.js     the loader that host pages embed
//	/widget/…      the chat app in the iframe
//	/widget/config what a flow's widget shows before it opens, public
//	/demo/         a shop page with the widget on it
//	/healthz       200 while the process answers
//	/readyz        200 while it can do its work, else 503
//
// Files with a hash in their name are cached for a year, everything else is asked for again. Every page has a Content-Security-
// Policy of its own; none of them allows inline script.
package page
