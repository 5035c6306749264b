package twilsock

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/sid"
)

// Sizes of pages of items.
const (
	standardPage = 50
	maxPage      = 100
)

// syncOperations read objects and follow them. Clients of chat write nothing here.
var syncOperations = []operation{
	{"GET", "/v3/Documents/{ref}", account.ChatOwn, 200, func(k *call) (any, error) { return k.root("Documents") }},
	{"GET", "/v3/Maps/{ref}", account.ChatOwn, 200, func(k *call) (any, error) { return k.root("Maps") }},
	{"GET", "/v3/Lists/{ref}", account.ChatOwn, 200, lists},
	{"GET", "/v3/Maps/{ref}/Items", account.ChatOwn, 200, mapItems},
	{"GET", "/v3/Lists/{ref}/Items", account.ChatOwn, 200, listItems},
	{"POST", "/v4/Subscriptions", account.ChatOwn, 200, subscriptions},
}

// root is an object as it is opened.
type root struct {
	SID         string            `json:"sid"`
	UniqueName  *string           `json:"unique_name"`
	URL         string            `json:"url"`
	Revision    string            `json:"revision"`
	LastEvent   int64             `json:"last_event_id"`
	DateCreated string            `json:"date_created"`
	DateUpdated string            `json:"date_updated"`
	DateExpires *string           `json:"date_expires"`
	CreatedBy   string            `json:"created_by"`
	ServiceSID  string            `json:"service_sid"`
	AccountSID  string            `json:"account_sid"`
	Links       map[string]string `json:"links"`
	Data        any               `json:"data,omitempty"`
	Items       []itemBody        `json:"items,omitempty"`
}

// itemBody is an item of a map or a list.
type itemBody struct {
	Key         *string `json:"key,omitempty"`
	Index       *int64  `json:"index,omitempty"`
	URL         string  `json:"url"`
	Revision    string  `json:"revision"`
	LastEvent   int64   `json:"last_event_id"`
	Data        any     `json:"data"`
	DateCreated string  `json:"date_created"`
	DateUpdated string  `json:"date_updated"`
	DateExpires *string `json:"date_expires"`
}

func (o object) body(it item) itemBody {
	created := it.created
	if created == "" {
		created = it.updated
	}
	b := itemBody{
		URL: o.itemURL(it), Revision: revision(it.id), LastEvent: it.id, Data: it.data, DateCreated: created, DateUpdated: it.updated,
	}
	if o.form() == "list" {
		b.Index = &it.index
	} else {
		b.Key = &it.key
	}
	return b
}

// page is a page of items.
type page struct {
	Items []itemBody `json:"items"`
	Meta  pageMeta   `json:"meta"`
}

type pageMeta struct {
	Previous *string `json:"previous_token"`
	Next     *string `json:"next_token"`
	Prev     *string `json:"prev_token"` // what lists of users call the one before
}

func token(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// target is an object that the caller may see, and how far its stream is.
type target struct {
	object
	scene
	head int64
}

// target finds the object that a path names.
func (k *call) target(collection string) (target, error) {
	ref := k.vars["ref"]
	o, ok := parseObject(collection, ref)
	if !ok {
		return target{}, missing(collection + "/" + ref)
	}
	t := target{object: o}
	if o.owner == nobody && o.kind == person {
		t.users = map[sid.SID]*chat.User{nobody: {UserDoc: chat.UserDoc{Attributes: []byte("{}")}}}
		return t, nil
	}
	var err error
	if t.scene, err = k.conn.look(k, k.actor, []object{o}); err != nil {
		return t, err
	}
	g, ok := t.grant(k.actor, o)
	if !ok {
		return t, missing(collection + "/" + ref)
	}
	t.head = g.Head
	return t, nil
}

// root answers an object.
func (k *call) root(collection string) (any, error) {
	t, err := k.target(collection)
	if err != nil {
		return nil, err
	}
	url, id := syncHost+t.path(), t.last(t.head)
	name := t.name()
	r := root{
		SID: t.sid(), UniqueName: &name, URL: url, Revision: revision(id), LastEvent: id, CreatedBy: chat.System,
		ServiceSID: string(k.actor.ChatService), AccountSID: string(k.actor.AccountSID), Links: map[string]string{},
	}
	if kinds[t.kind].stream == event.Channel {
		ch := t.channels[t.owner]
		r.DateCreated, r.DateUpdated = ch.CreatedAt.UTC().Format(dateFormat), ch.UpdatedAt.UTC().Format(dateFormat)
		if t.kind == document {
			r.Data = sightData(ch)
			return r, nil
		}
	} else {
		u := t.users[t.owner]
		r.DateCreated, r.DateUpdated = u.CreatedAt.UTC().Format(dateFormat), u.UpdatedAt.UTC().Format(dateFormat)
	}
	r.Links["items"] = url + "/Items"
	if t.form() == "list" {
		r.Links["context"] = url + "/Context"
	}
	if k.param("Include") == "items" {
		list, _, err := k.conn.mapItems(k, k.actor, t, "", maxPage)
		if err != nil {
			return nil, err
		}
		for _, it := range list {
			r.Items = append(r.Items, t.body(it))
		}
	}
	return r, nil
}

// mapItems answers a page of a map.
func mapItems(k *call) (any, error) {
	t, err := k.target("Maps")
	if err != nil {
		return nil, err
	}
	size, after := k.size(standardPage, maxPage), k.param("PageToken")
	if n, cursor, ok := strings.Cut(after, "."); ok {
		if size, err = strconv.Atoi(n); err != nil || size < 1 || size > maxPage {
			return nil, fault.Invalid("Invalid page token")
		}
		after = cursor
	}
	var list []item
	var next string
	if key := k.param("Key"); key != "" {
		list, err = k.mapItem(t, key)
	} else {
		list, next, err = k.conn.mapItems(k, k.actor, t, after, size)
	}
	if err != nil {
		return nil, err
	}
	p := page{Items: []itemBody{}}
	for _, it := range list {
		p.Items = append(p.Items, t.body(it))
	}
	if next != "" {
		p.Meta.Next = token(strconv.Itoa(size) + "." + next)
	}
	return p, nil
}

// cursor checks that a token is one that a list of rows has given.
func cursor(text string) error {
	if digits := strings.TrimPrefix(text, "invite"); digits != "" {
		if _, err := strconv.ParseUint(digits, 10, 63); err != nil {
			return fault.Invalid("Invalid page token")
		}
	}
	return nil
}

// items reads a page of a map as it is at an offset or later.
func (c *conn) items(ctx context.Context, actor account.Actor, o object, head int64, after string, size int) ([]item, string, error) {
	return c.mapItems(ctx, actor, target{object: o, head: head}, after, size)
}

func (c *conn) mapItems(ctx context.Context, actor account.Actor, t target, after string, size int) ([]item, string, error) {
	if err := cursor(after); err != nil {
		return nil, "", err
	}
	rooms := c.srv.o.Chat
	var list []item
	switch t.kind {
	case roster:
		page, err := rooms.ListMembers(ctx, actor, chat.Place{Channel: string(t.owner)}, nil, db.Page{Size: size, After: after})
		for i := range page.Items {
			list = append(list, memberItem(&page.Items[i], t.head))
		}
		return list, page.Next, err
	case mine:
		page, err := rooms.ListUserChannels(ctx, actor, actor.ChatService, string(t.owner), db.Page{Size: size, After: after})
		for i := range page.Items {
			list = append(list, mineItem(&page.Items[i], t.head))
		}
		return list, page.Next, err
	case person:
		return t.numbered(shape[userEvent](t.users[t.owner].Data()), t.head), "", nil
	}
	return nil, "", fmt.Errorf("%s is no map", t.name())
}

// mapItem reads one item of a map, or none.
func (k *call) mapItem(t target, key string) ([]item, error) {
	rooms := k.conn.srv.o.Chat
	var it item
	var err error
	switch t.kind {
	case roster:
		var m chat.Member
		m, err = rooms.GetMember(k, k.actor, chat.Place{Channel: string(t.owner)}, key)
		it = memberItem(&m, t.head)
	case mine:
		var uc chat.UserChannel
		uc, err = rooms.GetUserChannel(k, k.actor, k.actor.ChatService, string(t.owner), key)
		it = mineItem(&uc, t.head)
	default:
		var list []item
		list, _, err = k.conn.mapItems(k, k.actor, t, "", maxPage)
		for _, it := range list {
			if it.key == key {
				return []item{it}, err
			}
		}
		return nil, err
	}
	if fault.Is(err, fault.KindNotFound) {
		return nil, nil
	}
	return []item{it}, err
}

func memberItem(m *chat.Member, head int64) item {
	e := shape[memberEvent](m.Data())
	return item{key: string(e.SID), id: head, created: e.DateCreated, updated: e.DateUpdated, data: e.data()}
}

func mineItem(uc *chat.UserChannel, head int64) item {
	e := shape[userChannelEvent](uc.Data())
	return item{key: string(e.ChannelSID), id: head, updated: uc.Member.UpdatedAt.UTC().Format(dateFormat), data: e.data()}
}

// stretch is a page of a list of messages: where it begins, in which order it is told, and on which side of the beginning it
// lies. As a token: "desc.30.12" is from index 12 down, "desc.30.12.back" the page before it, which lies above.
type stretch struct {
	desc bool
	size int
	from *int64 // inclusive; nil is the end where the order begins
	back bool
}

func (s stretch) String() string {
	text := "asc"
	if s.desc {
		text = "desc"
	}
	text += "." + strconv.Itoa(s.size) + "." + strconv.FormatInt(*s.from, 10)
	if s.back {
		text += ".back"
	}
	return text
}

func parseStretch(text string) (stretch, error) {
	parts := strings.Split(text, ".")
	if len(parts) < 3 || len(parts) > 4 || parts[0] != "asc" && parts[0] != "desc" || len(parts) == 4 && parts[3] != "back" {
		return stretch{}, fault.Invalid("Invalid page token")
	}
	size, err := strconv.Atoi(parts[1])
	from, err2 := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || err2 != nil || size < 1 || size > maxPage || from < 0 {
		return stretch{}, fault.Invalid("Invalid page token")
	}
	return stretch{parts[0] == "desc", size, &from, len(parts) == 4}, nil
}

// asked reads which stretch a request is about.
func (k *call) asked() (stretch, error) {
	if t := k.param("PageToken"); t != "" {
		return parseStretch(t)
	}
	s := stretch{desc: k.param("Order") == "desc", size: k.size(standardPage, maxPage)}
	from := k.param("From")
	if index := k.param("Index"); index != "" {
		from, s.size = index, 1
	}
	if from != "" {
		n, err := strconv.ParseInt(from, 10, 64)
		if err != nil || n < -1 {
			return s, fault.Invalid("Invalid index")
		}
		s.from = &n
	}
	return s, nil
}

// listItems answers a page of messages.
func listItems(k *call) (any, error) {
	t, err := k.target("Lists")
	if err != nil {
		return nil, err
	}
	s, err := k.asked()
	if err != nil {
		return nil, err
	}
	// Backwards, a page is read in the other order and turned around.
	read := db.Page{Size: s.size, Desc: s.desc != s.back}
	if s.from != nil {
		after := *s.from - 1 // the rows' own cursor excludes where it begins
		if read.Desc {
			after = *s.from + 1
		}
		read.After = strconv.FormatInt(after, 10)
	}
	got, err := k.conn.srv.o.Chat.ListMessages(k, k.actor, chat.Place{Channel: string(t.owner)}, read)
	if err != nil {
		return nil, err
	}
	p := page{Items: []itemBody{}}
	for i := range got.Items {
		m := shape[messageEvent](got.Items[i].Payload())
		if index := k.param("Index"); index != "" && index != strconv.FormatInt(m.Index, 10) {
			continue
		}
		p.Items = append(p.Items, t.body(item{index: m.Index, id: t.head, created: m.DateCreated, updated: m.DateUpdated, data: m.data()}))
	}
	if s.back {
		for i, j := 0, len(p.Items)-1; i < j; i, j = i+1, j-1 {
			p.Items[i], p.Items[j] = p.Items[j], p.Items[i]
		}
	}
	p.Meta = s.neighbours(p.Items, got.Next != "", t.channels[t.owner].LastIndex)
	return p, nil
}

// neighbours are the tokens of the pages around one. more says that the direction of reading goes on.
func (s stretch) neighbours(items []itemBody, more bool, newest int64) pageMeta {
	if len(items) == 0 {
		return pageMeta{}
	}
	first, last := *items[0].Index, *items[len(items)-1].Index
	step, toStart := int64(1), first > 0
	if s.desc {
		step, toStart = -1, first < newest
	}
	toEnd := more
	if s.back {
		toStart = more
		toEnd = true // one has come from there
	}
	var m pageMeta
	if toEnd {
		from := last + step
		if from >= 0 {
			m.Next = token(stretch{s.desc, s.size, &from, false}.String())
		}
	}
	if toStart {
		from := first - step
		if from >= 0 {
			m.Previous = token(stretch{s.desc, s.size, &from, true}.String())
		}
	}
	return m
}
