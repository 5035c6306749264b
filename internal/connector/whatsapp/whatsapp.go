// Package whatsapp carries messages over WhatsApp's Cloud API: one business number, its webhooks and its messages.
//
// What comes: texts, pictures, sounds, films, documents and stickers (as files), places (as words and details), contacts (as
// vCards), answers by button and list, and reactions (as the sign, with details). Of what no API tells the content the customer's message is
// kept with its kind in the details. What goes: texts, one file, and approved templates with variables. A connection's app must send
// webhooks of its own number to its own address (a number's override of the callback URL); those of other numbers are left alone.
//
// Source: Meta's pages on the Cloud API: webhooks reference (messages, statuses), messages, media, templates, error codes.
package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"usher/internal/connector"
	"usher/internal/connector/graph"
	"usher/internal/messaging/carry"
)

// Kind is WhatsApp.
var Kind = connector.Kind{Name: "whatsapp", Channels: []carry.Channel{carry.WhatsApp}, Fields: fields, Open: open}

var fields = append([]connector.Field{
	{Name: "number", Label: "Number", Help: "The business number that customers see, with + and country code.", Required: true},
	{Name: "phone_number_id", Label: "Phone number ID", Help: "Of this number, in the app's dashboard under WhatsApp, API setup.", Required: true},
	{Name: "access_token", Label: "Access token", Help: "Of a system user with the permission whatsapp_business_messaging; one that does not expire.", Secret: true, Required: true},
	{Name: "language", Label: "Language of templates", Help: "Taken when a message names a template and no language, as Meta writes it.", Default: "en_US"},
}, graph.Fields...)

// Connection is one business number.
type Connection struct {
	api      *graph.API
	address  string // whatsapp:+15551234567
	phone    string // the ID of the number
	language string
}

func open(given map[string]string, d connector.Deps) (any, error) {
	s, err := connector.Settings(fields, given)
	if err != nil {
		return nil, err
	}
	number, found := strings.CutPrefix(strings.NewReplacer(" ", "", "-", "", "(", "", ")", "").Replace(s["number"]), "+")
	if !found || len(number) < 7 || len(number) > 15 || strings.Trim(number, "0123456789") != "" {
		return nil, errors.New("number is + and 7 to 15 digits")
	}
	api, err := graph.New(s, "access_token", d.Client, problem)
	if err := errors.Join(err, connector.Digits(s, "phone_number_id"), connector.Token(s, "language")); err != nil {
		return nil, err
	}
	return &Connection{api, prefix + "+" + number, s["phone_number_id"], s["language"]}, nil
}

const prefix = "whatsapp:"

// Verify implements connector.Verifier.
func (c *Connection) Verify(ctx context.Context, r connector.Request) (connector.Answer, error) {
	return c.api.Verify(ctx, r)
}

// address makes of what Meta calls a person the address that it has here: a number, or, for customers who do not show theirs, an
// ID such as US.1234567890.
func address(number, id string) string {
	switch {
	case len(number) >= 7 && len(number) <= 15 && number[0] != '0' && strings.Trim(number, "0123456789") == "":
		return prefix + "+" + number
	case userID(id):
		return prefix + id
	}
	return ""
}

// userID says whether it is a business-scoped ID of a person: a country's two letters, a dot, and letters and digits.
func userID(id string) bool {
	country, rest, found := strings.Cut(id, ".")
	if !found || len(country) != 2 || rest == "" || len(id) > 140 {
		return false
	}
	return !strings.ContainsFunc(country+rest, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '.'
	})
}

// problem is what an error code means here.
func problem(code, _ int) graph.Problem {
	if p, ok := problems[code]; ok {
		return p
	}
	if code >= 200 && code <= 299 {
		return graph.Problem{Code: 63001, Reason: "the access token lacks a permission"}
	}
	return graph.Problem{Code: 63023, Reason: "an error of WhatsApp's", Doubtful: true}
}

// problems are Meta's error codes and what the original calls them. Source: the Cloud API's error codes; the original's mapping of
// WhatsApp's codes, whose older numbers stand for the same causes, and its error dictionary.
var problems = map[int]graph.Problem{
	0:      {Code: 63001, Reason: "the access token is not valid"},
	1:      {Code: 63012, Reason: "unknown error of the API", Doubtful: true},
	2:      {Code: 63012, Reason: "the API is down for now", Again: true},
	3:      {Code: 63001, Reason: "the access token lacks a permission"},
	4:      {Code: 63018, Reason: "too many calls", Again: true},
	10:     {Code: 63001, Reason: "the access token lacks a permission"},
	33:     {Code: 63007, Reason: "there is no such business number"},
	100:    {Code: 63005, Reason: "a parameter is not valid"},
	190:    {Code: 63001, Reason: "the access token has expired"},
	368:    {Code: 63013, Reason: "the business is blocked for violating a policy"},
	80007:  {Code: 63018, Reason: "too many messages of the business account", Again: true},
	130429: {Code: 63018, Reason: "too many messages a second", Again: true},
	130472: {Code: 63032, Reason: "the customer is part of an experiment"},
	130497: {Code: 63013, Reason: "the business may not write to this country"},
	131000: {Code: 63012, Reason: "something went wrong", Again: true},
	131005: {Code: 63001, Reason: "access is denied"},
	131008: {Code: 63005, Reason: "a parameter is missing"},
	131009: {Code: 63005, Reason: "a parameter is not valid"},
	131016: {Code: 63012, Reason: "the service is down for now", Again: true},
	131021: {Code: 63031, Reason: "sender and recipient are the same"},
	131026: {Code: 63024, Reason: "the recipient cannot be reached"},
	131030: {Code: 63015, Reason: "the recipient is not on the list of the test number"},
	131031: {Code: 63051, Reason: "the business account is locked"},
	131037: {Code: 63008, Reason: "the number's display name is not approved"},
	131042: {Code: 63020, Reason: "there is a problem with the payment method"},
	131045: {Code: 63022, Reason: "the number is not registered"},
	131047: {Code: 63016, Reason: "more than 24 hours since the customer wrote"},
	131048: {Code: 63018, Reason: "restricted because customers called messages spam"},
	131049: {Code: 63049, Reason: "Meta chose not to deliver it"},
	131050: {Code: 63033, Reason: "the customer has opted out of marketing"},
	131051: {Code: 63005, Reason: "the type of the message is not supported"},
	131052: {Code: 63019, Reason: "the file could not be downloaded"},
	131053: {Code: 63021, Reason: "the file could not be uploaded"},
	131056: {Code: 63018, Reason: "too many messages to this customer", Again: true},
	131057: {Code: 63008, Reason: "the account is in maintenance", Again: true},
	132000: {Code: 63028, Reason: "the number of variables is not the template's"},
	132001: {Code: 63027, Reason: "there is no such template in this language"},
	132005: {Code: 63005, Reason: "the template with its variables is too long"},
	132007: {Code: 63013, Reason: "the template violates a policy"},
	132012: {Code: 63028, Reason: "a variable has another format than the template's"},
	132015: {Code: 63041, Reason: "the template is paused"},
	132016: {Code: 63042, Reason: "the template is disabled"},
	133004: {Code: 63012, Reason: "the server is down for now", Again: true},
	133010: {Code: 63007, Reason: "the number is not registered"},
	135000: {Code: 63005, Reason: "unknown error with the parameters"},
}

// theirs are the causes that lie with the recipient: such a message counts as undelivered, others as failed.
var theirs = map[int]bool{130472: true, 131026: true, 131049: true, 131050: true}

// reason is a code and our words for it.
func reason(code int) string { return fmt.Sprintf("%d %s", code, problem(code, 0).Reason) }
