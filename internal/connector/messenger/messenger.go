// Package messenger carries messages over Facebook Messenger: one page, its webhooks and the Send API.
//
// What comes: texts, files (by the address that Meta gives), places, shared links, answers by button, and reactions as the sign with
// details. What the page itself says elsewhere (echoes), and what belongs to another app that holds the conversation (standby), is left
// alone. What goes: text of up to 2,000 characters, and files, each in a message of its own.
//
// Messenger says up to when a customer has read, not which messages. Receipts that name no message are put to those that this process
// has sent in its last 4,096: after a restart, or when another node has sent, a message stays at delivered.
//
// Source: Meta's pages on the Messenger Platform: webhook events (messages, postbacks, deliveries, reads, reactions, echoes), Send
// API and its error codes, user profile.
package messenger

import (
	"context"
	"net/url"
	"strings"
	"time"

	"usher/internal/connector"
	"usher/internal/connector/graph"
	"usher/internal/messaging/carry"
)

// Kind is Messenger.
var Kind = connector.Kind{Name: "messenger", Channels: []carry.Channel{carry.Messenger}, Fields: fields, Open: open}

var fields = append([]connector.Field{
	{Name: "page_id", Label: "Page ID", Help: "The number of the page that customers write to.", Required: true},
	{Name: "page_access_token", Label: "Page access token", Help: "With the permission pages_messaging; one that does not expire.", Secret: true, Required: true},
	{
		Name: "tag", Label: "After 24 hours", Help: "HUMAN_AGENT lets people answer for seven days; Meta must have granted the app that feature.",
		Default: "none", Choices: []string{"none", "HUMAN_AGENT"},
	},
}, graph.Fields...)

// Connection is one page.
type Connection struct {
	api   *graph.API
	page  string
	tag   string // "" is none
	names connector.Names
	sent  memory
}

func open(given map[string]string, d connector.Deps) (any, error) {
	s, err := connector.Settings(fields, given)
	if err != nil {
		return nil, err
	}
	if err := connector.Digits(s, "page_id"); err != nil {
		return nil, err
	}
	api, err := graph.New(s, "page_access_token", d.Client, problem)
	if err != nil {
		return nil, err
	}
	c := &Connection{api: api, page: s["page_id"]}
	if s["tag"] != "none" {
		c.tag = s["tag"]
	}
	return c, nil
}

const prefix = "messenger:"

// Verify implements connector.Verifier.
func (c *Connection) Verify(ctx context.Context, r connector.Request) (connector.Answer, error) {
	return c.api.Verify(ctx, r)
}

// person says whether an ID can be one of a customer or a page.
func person(id string) bool {
	return id != "" && len(id) <= 64 && strings.Trim(id, "0123456789") == ""
}

// name is what a customer is called; "" when Meta does not say.
func (c *Connection) name(ctx context.Context, id string) string {
	return c.names.Of(id, func() (string, error) {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		var profile struct {
			First string `json:"first_name"`
			Last  string `json:"last_name"`
		}
		err := c.api.Get(ctx, "/"+url.PathEscape(id)+"?fields=first_name,last_name", &profile)
		return strings.TrimSpace(profile.First + " " + profile.Last), err
	})
}

// problem is what an error code means here. Source: the Messenger Platform's error codes; the original's error dictionary.
func problem(code, subcode int) graph.Problem {
	switch {
	case code == 10 && (subcode == 2018278 || subcode == 2018065 || subcode == 2534022):
		return graph.Problem{Code: 63016, Reason: "more than 24 hours since the customer wrote"}
	case subcode == 1545041:
		return graph.Problem{Code: 63014, Reason: "the customer does not receive messages of the page"}
	case subcode == 2018001:
		return graph.Problem{Code: 63003, Reason: "there is no such customer of this page"}
	case subcode == 2018109:
		return graph.Problem{Code: 63034, Reason: "the file is too large"}
	case subcode == 2018008 || subcode == 2018047 || subcode == 2018007:
		return graph.Problem{Code: 63019, Reason: "the file could not be fetched"}
	case code == 613 && subcode == 1893016:
		return graph.Problem{Code: 63039, Reason: "customers may find the page's messages bothersome"}
	}
	if p, ok := problems[code]; ok {
		return p
	}
	if code >= 200 && code <= 299 {
		return graph.Problem{Code: 63001, Reason: "the access token lacks a permission"}
	}
	return graph.Problem{Code: 63023, Reason: "an error of Messenger's", Doubtful: true}
}

var problems = map[int]graph.Problem{
	1:     {Code: 63012, Reason: "unknown error of the API", Doubtful: true},
	2:     {Code: 63012, Reason: "the API is down for now", Again: true},
	4:     {Code: 63018, Reason: "too many calls of the app", Again: true},
	10:    {Code: 63001, Reason: "the app lacks a permission"},
	32:    {Code: 63018, Reason: "too many calls of the page", Again: true},
	80006: {Code: 63018, Reason: "too many calls of the page", Again: true},
	100:   {Code: 63005, Reason: "a parameter is not valid"},
	190:   {Code: 63001, Reason: "the access token is not valid"},
	368:   {Code: 63013, Reason: "the page is blocked for violating a policy"},
	551:   {Code: 63014, Reason: "the customer cannot be reached now"},
	613:   {Code: 63018, Reason: "too many calls", Again: true},
	1200:  {Code: 63012, Reason: "temporary failure", Again: true},
}
