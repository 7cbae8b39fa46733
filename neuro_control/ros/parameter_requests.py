# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Serves a node's parameters to others so that no request ends the node or holds up its commands.

rclpy raises on a parameter of an unknown type, and takes almost a millisecond for each parameter of
a request, on the thread that commands the robot. So a request holds no more parameters than the
node has, and all requests together get a tenth of the node's time; beyond it they are refused, and
the answer says why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)
from rclpy.exceptions import ParameterException, ParameterNotDeclaredException
from rclpy.parameter import Parameter

from neuro_control.errors import ConfigurationError
from neuro_control.ros.budget import Budget
from neuro_control.ros.safety.supervision import Supervised

# Part of the node's time that requests may take in the long run.
_SHARE = 0.1
# Processor time that they may take at once, s: enough to read or set everything a few times.
_BURST = 0.5


class ParameterRequests:
    """Takes the place of rclpy's answers to requests that concern the parameters of ``node``."""

    def __init__(self, node: Supervised) -> None:
        self._node = node
        self._budget = Budget(_SHARE, _BURST)
        answers: dict[type, Callable[[Any, Any], Any]] = {
            SetParameters: self._set,
            SetParametersAtomically: self._set_atomically,
        }
        reading = (GetParameters, GetParameterTypes, DescribeParameters, ListParameters)
        for service in node.services:
            answer = answers.get(service.srv_type)
            if service.srv_type in reading:
                answer = self._reading(service.callback)
            if answer is not None:
                service.callback = node.guarded_service(answer, service.srv_name)

    def _refusal(self, count: int) -> str:
        """Why a request that concerns ``count`` parameters is refused; empty if it is not."""
        most = len(self._node.list_parameters([], 0).names)
        if count > most:
            return f"the node has {most} parameters, a request can't concern {count}"
        wait = self._budget.wait()
        if wait > 0.0:
            return f"too many requests concern parameters: ask again in {wait:.1f} s"
        return ""

    def _set(self, request: Any, response: Any) -> Any:
        refusal = self._refusal(len(request.parameters))
        if refusal:
            # One answer for all: those of 10,000 parameters would take as long as their check.
            response.results = [_refused(refusal)]
            return response
        begin = time.thread_time()
        response.results = [self._applied([each]) for each in request.parameters]
        self._budget.spend(time.thread_time() - begin)
        return response

    def _set_atomically(self, request: Any, response: Any) -> Any:
        refusal = self._refusal(len(request.parameters))
        begin = time.thread_time()
        response.result = _refused(refusal) if refusal else self._applied(request.parameters)
        self._budget.spend(time.thread_time() - begin)
        return response

    def _applied(self, messages: Sequence[Any]) -> SetParametersResult:
        """Result of setting the parameters of ``messages``, all or none."""
        try:
            parameters = [_parameter(each) for each in messages]
            return self._node.set_parameters_atomically(parameters)
        except ParameterNotDeclaredException:
            unknown = [each.name for each in messages if not self._node.has_parameter(each.name)]
            return _refused(f"the node has no parameter {', '.join(unknown)}")
        except (ConfigurationError, ParameterException) as error:
            return _refused(str(error))

    def _reading(self, answer: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """``answer`` of rclpy, or an empty one where a request is refused."""

        def read(request: Any, response: Any) -> Any:
            names = getattr(request, "names", getattr(request, "prefixes", ()))
            if self._refusal(len(names)):
                return response
            begin = time.thread_time()
            response = answer(request, response)
            self._budget.spend(time.thread_time() - begin)
            return response

        return read


def _parameter(message: Any) -> Parameter:
    """The parameter of ``message``, or a ConfigurationError where its type is none of ROS's."""
    try:
        return Parameter.from_parameter_msg(message)
    except Exception as error:
        raise ConfigurationError(
            f"the value of {message.name!r} is of no type that a parameter can have: {error}"
        ) from error


def _refused(reason: str) -> SetParametersResult:
    return SetParametersResult(successful=False, reason=reason)
