package taskrouter_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/test/wire"

	"github.com/google/go-cmp/cmp"
)

// caller calls a world as its owner.
type caller struct {
	wire.Server
	t *testing.T
}

func (c caller) call(method, path string, status int, form url.Values) map[string]any {
	c.t.Helper()
	r := httptest.NewRequest(method, "/taskrouter/v1/Workspaces"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(c.Users["owner"][0], c.Users["owner"][1])
	if method == http.MethodGet && form != nil {
		r.Header.Set("Until", form.Get("Until"))
	}
	w := httptest.NewRecorder()
	c.Handler.ServeHTTP(w, r)
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != status {
		c.t.Fatalf("%s %s: %d %s (%v)", method, path, w.Code, w.Body, err)
	}
	return body
}

// shape is what the wire says of a resource: the key of its list, and the keys of an item and of its links in order.
// Source: the published examples and the published description of the compatible API.
type shape struct{ path, key, keys, links string }

var shapes = []shape{
	{
		"", "workspaces", "account_sid date_created date_updated default_activity_name default_activity_sid event_callback_url events_filter " +
			"friendly_name links multi_task_enabled prioritize_queue_order sid timeout_activity_name timeout_activity_sid url",
		"activities cumulative_statistics events real_time_statistics statistics task_channels task_queues tasks workers workflows",
	},
	{"/{workspace}/Activities", "activities", "account_sid available date_created date_updated friendly_name links sid url workspace_sid", "workspace"},
	{"/{workspace}/TaskChannels", "channels", "account_sid channel_optimized_routing date_created date_updated friendly_name links sid unique_name " +
		"url workspace_sid", "workspace"},
	{
		"/{workspace}/TaskQueues", "task_queues", "account_sid assignment_activity_name assignment_activity_sid date_created date_updated friendly_name " +
			"links max_reserved_workers reservation_activity_name reservation_activity_sid sid target_workers task_order url workspace_sid",
		"assignment_activity cumulative_statistics list_statistics real_time_statistics reservation_activity statistics workspace",
	},
	{
		"/{workspace}/Workflows", "workflows", "account_sid assignment_callback_url configuration date_created date_updated document_content_type " +
			"fallback_assignment_callback_url friendly_name links sid task_reservation_timeout url workspace_sid",
		"cumulative_statistics real_time_statistics statistics",
	},
	{
		"/{workspace}/Workers", "workers", "account_sid activity_name activity_sid attributes available date_created date_status_changed date_updated " +
			"friendly_name links sid url workspace_sid",
		"activity channels cumulative_statistics real_time_statistics reservations statistics worker_channels worker_statistics workspace",
	},
	{"/{workspace}/Workers/{bob}/Channels", "channels", "account_sid assigned_tasks available available_capacity_percentage configured_capacity " +
		"date_created date_updated sid task_channel_sid task_channel_unique_name url worker_sid workspace_sid", ""},
	{"/{workspace}/Tasks", "tasks", "account_sid addons age assignment_status attributes date_created date_updated ignore_capacity links priority " +
		"reason routing_target sid task_channel_sid task_channel_unique_name task_queue_entered_date task_queue_friendly_name task_queue_sid " +
		"timeout url virtual_start_time workflow_friendly_name workflow_sid workspace_sid", "reservations task_queue workflow workspace"},
	{"/{workspace}/Tasks/{task}/Reservations", "reservations", "account_sid date_created date_updated links reservation_status sid task_sid url " +
		"worker_name worker_sid workspace_sid", "task worker workspace"},
	{"/{workspace}/Workers/{bob}/Reservations", "reservations", "account_sid date_created date_updated links reservation_status sid task_sid url " +
		"worker_name worker_sid workspace_sid", "task worker workspace"},
}

var whole = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)

// TestShapes lists each resource, and fetches the first item by its own URL.
func TestShapes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := caller{world(t, d), t}
		base := "/" + c.Vars["workspace"]
		c.call(http.MethodPost, base+"/Workers/"+c.Vars["bob"], http.StatusOK, url.Values{"ActivitySid": {c.Vars["available"]}})
		task := c.call(http.MethodPost, base+"/Tasks", http.StatusCreated, url.Values{"Attributes": {"{}"}})
		c.Vars["task"] = task["sid"].(string)
		c.call(http.MethodGet, base+"/Tasks/"+c.Vars["task"]+"/Reservations", http.StatusOK, url.Values{"Until": {"pending"}})
		for _, s := range shapes {
			path := s.path
			for name, value := range c.Vars {
				path = strings.ReplaceAll(path, "{"+name+"}", value)
			}
			page := c.call(http.MethodGet, path, http.StatusOK, nil)
			if len(page) != 2 || page["meta"] == nil || page[s.key] == nil {
				t.Fatalf("%s: page has the keys %s", s.path, keys(page))
			}
			item := page[s.key].([]any)[0].(map[string]any)
			if diff := cmp.Diff(s.keys, keys(item)); diff != "" {
				t.Errorf("%s: item (-want +got)\n%s", s.path, diff)
			}
			links, _ := item["links"].(map[string]any)
			if diff := cmp.Diff(s.links, keys(links)); diff != "" {
				t.Errorf("%s: links (-want +got)\n%s", s.path, diff)
			}
			for _, key := range []string{"date_created", "date_updated"} {
				if text, _ := item[key].(string); !whole.MatchString(text) {
					t.Errorf("%s: %s is %v", s.path, key, item[key])
				}
			}
			_, own, _ := strings.Cut(item["url"].(string), "/taskrouter/v1/Workspaces")
			if own != path+"/"+item["sid"].(string) {
				t.Errorf("%s: url is %v", s.path, item["url"])
			}
			if diff := cmp.Diff(item, c.call(http.MethodGet, own, http.StatusOK, nil)); diff != "" {
				t.Errorf("%s: list and fetch differ\n%s", s.path, diff)
			}
		}
	})
}

func keys(m map[string]any) string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// TestAge counts a task's age in seconds from its virtual start.
func TestAge(t *testing.T) {
	t.Parallel()
	c := caller{aging(t, dbtest.SQLite(t)), t}
	start := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	task := c.call(http.MethodPost, "/"+c.Vars["workspace"]+"/Tasks", http.StatusCreated, url.Values{"VirtualStartTime": {start.Format(time.RFC3339)}})
	if age := task["age"].(float64); age < 3600 || age > 3660 {
		t.Errorf("age is %v", age)
	}
	if task["virtual_start_time"] != start.Format(time.RFC3339) {
		t.Errorf("virtual start is %v", task["virtual_start_time"])
	}
}
