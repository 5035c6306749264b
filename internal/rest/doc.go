// Package rest is the engine under every product's REST API: an operation is a value, and everything that operations share
// (dispatch, authentication, grants, form decoding, paging, ETags, dates, errors, headers, logging) is written here once.
//
// # Adding a resource
//
// A product package (rest/chat, rest/taskrouter, …) has one file per resource and a product.go with the explicit list. A
// resource is a form struct, a wire struct and one Resource value:
//
//	type channelForm struct {
//		FriendlyName rest.Opt[string] `form:"FriendlyName,max=256"`
//		UniqueName   rest.Opt[string] `form:"UniqueName,max=64"`
//		Type         rest.Opt[string] `form:"Type,create,enum=public|private"`
//		Attributes   rest.Opt[string] `form:"Attributes"`
//	}
//
//	type channelFilter struct {
//		Type []string `form:"Type,comma,enum=public|private"`
//	}
//
//	type channelWire struct {
//		SID         sid.SID `json:"sid"`
//		DateCreated *string `json:"date_created"`
//		URL         string  `json:"url"`
//		…
//	}
//
//	func channels(s *chat.Chat) rest.Mount {
//		return rest.Resource[chat.Channel, channelForm]{
//			Path: "/Services/{ServiceSid}/Channels", Key: "channels",
//			Read:  []account.Grant{account.ChatRead, account.ChatOwn},
//			Write: []account.Grant{account.ChatWrite},
//			Filter: channelFilter{},
//			List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[chat.Channel], error) {
//				var f channelFilter
//				if err := c.Filter(&f); err != nil {
//					return db.PageOf[chat.Channel]{}, err
//				}
//				return s.Channels(ctx, c.Actor, c.SID("ServiceSid"), f.Type, p)
//			},
//			Get: func(ctx context.Context, c *rest.Call) (chat.Channel, error) {
//				return s.Channel(ctx, c.Actor, c.SID("ServiceSid"), c.Var("Sid"))
//			},
//			Create: func(ctx context.Context, c *rest.Call, in channelForm) (chat.Channel, error) { … },
//			Update: func(ctx context.Context, c *rest.Call, in channelForm) (chat.Channel, error) { … },
//			Delete: func(ctx context.Context, c *rest.Call) error { … },
//			View: func(c *rest.Call, v chat.Channel) any {
//				url := c.URL("/Services/", c.Var("ServiceSid"), "/Channels/", string(v.SID))
//				return channelWire{SID: v.SID, DateCreated: c.Date(v.CreatedAt), URL: url, …}
//			},
//		}
//	}
//
// That mounts GET and POST on Path, and GET, POST and DELETE on Path + "/{Sid}"; a verb that is nil answers 405. In product.go:
//
//	func Product(s *chat.Chat) rest.Product {
//		return rest.Product{Name: "chat", Aliases: []string{"ip-messaging"}, Version: "v2", Routes: []rest.Mount{
//			services(s), roles(s), users(s), channels(s), members(s), messages(s),
//		}}
//	}
//
// Package test/resttest sets up accounts and callers for the tests of a product, and test/wire plays transcripts against it.
//
// What is not list, create, fetch, update or delete (a singleton, statistics, a JSON body) is an Op.
//
// # Form tags
//
// `form:"Name,option…"`. The name is the wire's, case matters; a struct field named so is a group with dotted keys
// (Integration.FlowSid). Options:
//
//	required    missing or empty on create: 400/20001 "Missing required parameter Name in the post body"
//	always      the same on create and on update
//	create      read on create only; ignored on update (a field that cannot change)
//	update      read on update only
//	max=N       at most N characters (65,536 when not said)
//	min=N       numbers: at least N; with max, numbers are bounded by it
//	enum=a|b    one of these
//	comma       a list also splits its values at commas (filters that are echoed into page URLs)
//
// Types: string, named strings (sid.SID, enums), bool, int, int64, float64, time.Time, json.RawMessage, lists of strings
// (repeated keys), and Opt of all these. Use Opt where absent differs from empty, as in every update. An empty value of a type
// that is not text counts as absent. Unknown keys are ignored, which also is what keeps read-only fields read-only. The first of
// a repeated key counts where a list is not asked for.
//
// # Errors
//
// A verb returns a *fault.Error, or an error that wraps db.ErrNotFound, db.ErrConflict or db.ErrFull, and the engine writes
// {code, message, more_info, status}. Every 404 with code 20404 gets the request's own path as its text, so that a missing SID
// and a SID of somebody else look the same.
//
// # Versions
//
// With Resource.Version set, answers carry an ETag and an If-Match that does not fit is refused with 412 before Update or Delete
// run. The check is made in a transaction of its own; an update that must not race compares Call.IfVersion in its own.
package rest
