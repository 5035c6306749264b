// Package signin lets people into the desk: by e-mail address and password, or by a one-time link. It is the desk's only private
// API; everything else it does with the access token that it gets here.
//
//	POST /signin/password          {email, password}         → 200 Session · 401 · 429 with Retry-After
//	POST /signin/once              {secret}                  → 200 Session · 401
//	GET  /signin/session                                     → 200 Session with a fresh token · 401
//	POST /signin/out                                         → 204
//	POST /signin/password/change   {current?, new}           → 204; ends the person's other sessions and tokens
//	GET  /signin/people                                      → 200 {people: […]}
//	POST /signin/people            {email, name, role}       → 201 {link, person}
//	POST /signin/people/{sid}      {name?, role?, disabled?, invite?, sign_out?} → 200 {person, link?}
//
// The session is a cookie that scripts cannot read: __Host-usher under TLS, usher on this machine's own address without TLS, and
// none elsewhere. Requests that another site makes a browser send are refused (http.CrossOriginProtection), and bodies must be
// JSON. Wrong address and wrong password are one answer; how long guessing takes is the account package's business.
//
// What happens is logged for the audit, with SIDs and addresses and without e-mail addresses, names or secrets.
package signin
