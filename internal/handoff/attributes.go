package handoff

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"usher/internal/attr"
	"usher/internal/chat"
	"usher/internal/flex"
	"usher/internal/sid"
)

const (
	// attributesMost bounds a task's attributes in characters: TaskRouter refuses longer ones.
	attributesMost = 4096
	// answerMost is what is left of each answer of the pre-engagement form, in characters, where the whole is too long.
	answerMost = 200
)

// taskAttributes are the attributes of a channel's task: the three that desks of the original read (channelSid, name,
// channelType), where the conversation comes from, its first words and where they stand in the channel, pre-engagement data,
// and what the opener gave, which wins but for channelSid, by which the agent finds the conversation, and executionSid, by which
// the end of the task finds the Studio execution that asked for it.
//
// They always fit into a task. What is too long goes in this order: ends of long answers of the pre-engagement form, the
// form, the first words, and of what the opener gave the last keys. All of it can still be read in the channel.
func taskAttributes(flow flex.Flow, c *flex.Channel, first *chat.MessageData, execution sid.SID) (string, error) {
	set := map[string]any{
		"channelSid": c.SID, "name": shorten(c.Name, initialTextMost), "channelType": flow.ChannelType, "flexFlowSid": flow.SID,
		"customerIdentity": c.Identity,
	}
	if first != nil {
		set["initialText"], set["firstMessageIndex"] = shorten(first.Body, initialTextMost), first.Index
	}
	if len(c.PreEngagement) > 0 {
		set["pre_engagement_data"] = c.PreEngagement
	}
	var given map[string]json.RawMessage
	if len(c.TaskAttributes) > 0 {
		if err := json.Unmarshal(c.TaskAttributes, &given); err != nil {
			return "", err
		}
	}
	delete(given, "channelSid")
	if execution != "" {
		set["executionSid"] = execution
		delete(given, "executionSid")
	}
	for _, shrink := range []func(){
		func() {},
		func() { set["pre_engagement_data"] = shortAnswers(c.PreEngagement) },
		func() { delete(set, "pre_engagement_data") },
		func() { delete(set, "initialText") },
	} {
		shrink()
		all, err := together(set, given)
		if err != nil || fits(all) {
			return string(all), err
		}
	}
	return asMuchAsFits(set, given)
}

func fits(m json.RawMessage) bool { return utf8.RuneCount(m) <= attributesMost }

// together puts what was given on top of what Usher sets.
func together(set map[string]any, given map[string]json.RawMessage) (json.RawMessage, error) {
	all, err := attr.Merge(json.RawMessage(attr.Empty), set)
	if err != nil {
		return nil, err
	}
	over := make(map[string]any, len(given))
	for name, v := range given {
		over[name] = v
	}
	return attr.Merge(all, over)
}

// asMuchAsFits adds the given keys in alphabetical order as long as there is room.
func asMuchAsFits(set map[string]any, given map[string]json.RawMessage) (string, error) {
	names := make([]string, 0, len(given))
	for name := range given {
		names = append(names, name)
	}
	slices.Sort(names)
	some := make(map[string]json.RawMessage, len(given))
	last, err := together(set, some)
	for _, name := range names {
		some[name] = given[name]
		all, mergeErr := together(set, some)
		if mergeErr != nil {
			return "", mergeErr
		}
		if !fits(all) {
			delete(some, name)
			continue
		}
		last = all
	}
	return string(last), err
}

// shortAnswers cuts the long texts of a form, at its first level.
func shortAnswers(form json.RawMessage) any {
	var answers map[string]json.RawMessage
	if json.Unmarshal(form, &answers) != nil {
		return nil
	}
	short := make(map[string]any, len(answers))
	for name, raw := range answers {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			short[name] = raw
			continue
		}
		short[name] = shorten(text, answerMost)
	}
	return short
}

// shorten cuts a text to a number of characters, the last of which then tells of it.
func shorten(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return strings.TrimRight(string([]rune(text)[:most-1]), " ") + "…"
}
