package golang

import (
	"os"
	"testing"

	api "github.com/twilio/twilio-go/rest/api/v2010"
	chat "github.com/twilio/twilio-go/rest/chat/v2"
)

func TestAccountAndKeys(t *testing.T) {
	t.Parallel()
	c := connect(t)
	own := ok[*api.ApiV2010Account](t)(c.Api.FetchAccount(account()))
	equal(t, "sid", own.Sid, account())
	equal(t, "status", own.Status, "active")

	key := ok[*api.ApiV2010NewKey](t)(c.Api.CreateNewKey((&api.CreateNewKeyParams{}).SetFriendlyName("backend")))
	if key.Secret == nil || *key.Secret == "" {
		t.Fatal("a new key shows no secret")
	}
	withKey := connect(t, *key.Sid, *key.Secret)
	ok[[]chat.ChatV2Service](t)(withKey.ChatV2.ListService((&chat.ListServiceParams{}).SetLimit(1)))

	renamed := ok[*api.ApiV2010Key](t)(c.Api.UpdateKey(*key.Sid, (&api.UpdateKeyParams{}).SetFriendlyName("worker")))
	equal(t, "friendly_name", renamed.FriendlyName, "worker")
	found := false
	for _, k := range ok[[]api.ApiV2010Key](t)(c.Api.ListKey((&api.ListKeyParams{}).SetPageSize(1))) {
		found = found || *k.Sid == *key.Sid
	}
	if !found {
		t.Error("the list of keys, one on a page, does not hold the new key")
	}
	done(t, c.Api.DeleteKey(*key.Sid, nil))
	_, err := withKey.ChatV2.ListService((&chat.ListServiceParams{}).SetLimit(1))
	refused(t, err, 401, 20003)

	first := connect(t, os.Getenv("USHER_API_KEY"), os.Getenv("USHER_API_SECRET"))
	ok[[]chat.ChatV2Service](t)(first.ChatV2.ListService((&chat.ListServiceParams{}).SetLimit(1)))
}
