// widget/more/more.ts
var e = [
	"open",
	"close",
	"start",
	"sendMessage",
	"endChat",
	"restart"
], t = /* @__PURE__ */ new Map(), n = (e) => (t, n, r, i) => n(e, i), r = (e) => (t, n, r, i) => {
	r(), n(e, i ?? {});
}, i = n("identify"), a = n("setContext"), o = n("setLocale"), s = n("setTheme"), c = n("set"), l = n("endChat"), u = n("restart"), d = r("start"), f = r("sendMessage"), p = !1, m = !1;
async function h(e, n, r) {
	let i = t.get(e), a = !0;
	try {
		for (let e of i?.before ?? []) {
			let t = await e(n, () => a = !1);
			if (t === !1 || !a) return !1;
			t !== void 0 && t !== !0 && (n = t);
		}
		if (!i?.replace) return r(n), !0;
		let e = !1;
		return await i.replace(n, (t = n) => {
			e || (e = !0, r(t));
		}), e;
	} catch (t) {
		return console.error(`Usher: a hook of ${e} failed`, t), r(n), !0;
	}
}
var g = (e, n) => t.get(e)?.after.forEach((t) => {
	try {
		t(n);
	} catch (t) {
		console.error(`Usher: a hook of ${e} failed`, t);
	}
});
function _(e, t) {
	if (p) return;
	p = !0;
	let n = e.toggle;
	e.on("open", () => m = !0), e.on("close", () => m = !1), e.toggle = (e = !m) => {
		if (e === m) return;
		let t = e ? "open" : "close";
		h(t, void 0, () => {
			m = e, n(e), g(t, void 0);
		});
	}, e.on("act", ({ id: e, name: n, v: r, open: i }) => {
		if (i !== void 0 && (m = i), !n) return;
		if (e === void 0) return g(n, r);
		let a, o = !1;
		h(n, r, (e) => (o = !0, a = e)).then(() => t("answer", {
			id: e,
			go: o,
			v: a
		}));
	}), e.on("ready", () => v(t));
}
var v = (e) => e("hooks", [...t.keys()]);
function y(n, r, i, a) {
	if (!e.includes(i)) throw TypeError(`Usher: there is no action ${i}; there are ${e.join(", ")}`);
	_(n, r);
	let o = t.get(i);
	return o || (t.set(i, o = {
		before: [],
		after: []
	}), v(r)), a(o);
}
var b = (e, t) => void e.splice(e.indexOf(t), 1), x = (e, t, n, r, i) => y(e, t, r, (e) => (e.before.push(i), () => b(e.before, i))), S = (e, t, n, r, i) => y(e, t, r, (e) => (e.after.push(i), () => b(e.after, i))), C = (e, t, n, r, i) => y(e, t, r, (e) => (e.replace = i, () => {
	e.replace === i && (e.replace = void 0);
}));
export { e as actions, S as after, x as before, l as endChat, i as identify, C as replace, u as restart, f as sendMessage, c as set, a as setContext, o as setLocale, s as setTheme, d as start };
