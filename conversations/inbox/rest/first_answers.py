"""Serializers of the wait for a first answer."""

from typing import Any

from rest_framework import serializers


class FirstAnswerSerializer(serializers.Serializer[Any]):
    """A wait for a first answer, without snoozed time."""

    asked_at = serializers.DateTimeField(read_only=True)
    answered_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="Null while they still wait.")
    clock_seconds = serializers.IntegerField(read_only=True, help_text="By the clock.")
    working_seconds = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="In the working hours of the team."
    )


class FirstAnswersSerializer(serializers.Serializer[Any]):
    """The waits for the first answers since it was opened or reopened; null where nobody waited."""

    agent = FirstAnswerSerializer(read_only=True, allow_null=True)
    person = FirstAnswerSerializer(read_only=True, allow_null=True)
