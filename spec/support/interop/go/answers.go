package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"strings"

	fd "github.com/aws/aws-sdk-go-v2/service/finspacedata"
)

type names map[string]bool

// What every answer of an operation lacked.
var lacking = map[string]names{}

// read notes which members of an answer are there and which are not.
func read(value reflect.Value, given, absent names) {
	switch value.Kind() {
	case reflect.Ptr:
		read(value.Elem(), given, absent)
	case reflect.Slice:
		for i := 0; i < value.Len(); i++ {
			read(value.Index(i), given, absent)
		}
	case reflect.Struct:
		for i := 0; i < value.NumField(); i++ {
			readMember(value.Type().Field(i), value.Field(i), given, absent)
		}
	}
}

// The SDK gives 0, false and "" for what was not sent, so no member may be one of these.
func readMember(field reflect.StructField, member reflect.Value, given, absent names) {
	if !field.IsExported() || field.Name == "ResultMetadata" { // the SDK's own
		return
	}
	name := strings.ToLower(field.Name[:1]) + field.Name[1:]
	if member.IsZero() {
		absent[name] = true
		return
	}
	given[name] = true
	read(member, given, absent)
}

func lacks(answer any) names {
	given, absent := names{}, names{}
	read(reflect.ValueOf(answer), given, absent)
	for name := range given {
		delete(absent, name)
	}
	return absent
}

func note(operation string, absent names) {
	if _, isKnown := lacking[operation]; !isKnown {
		lacking[operation] = absent
	}
	for name := range lacking[operation] {
		if !absent[name] {
			delete(lacking[operation], name)
		}
	}
}

type method[Input, Output any] func(context.Context, *Input, ...func(*fd.Options)) (*Output, error)

// ask gives an operation's answer, and ends where it was refused.
func ask[Input, Output any](call method[Input, Output], input Input) *Output {
	answer, problem := call(context.Background(), &input)
	if problem != nil {
		fmt.Fprintln(os.Stderr, problem)
		os.Exit(1)
	}
	note(strings.TrimSuffix(reflect.TypeOf(*answer).Name(), "Output"), lacks(answer))
	return answer
}

func refusal[Input, Output any](call method[Input, Output], input Input) error {
	_, problem := call(context.Background(), &input)
	return problem
}

func show() {
	for operation, members := range lacking {
		fmt.Println("called", operation)
		for name := range members {
			fmt.Println("lacks", operation, name)
		}
	}
}
