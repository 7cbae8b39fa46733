# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Serves a node's parameters to others so that no request ends the node or holds up its commands.

rclpy raises on a parameter of an unknown type, and takes almost a millisecond to set one, on the
thread that commands the robot. So a request holds no more parameters than the node has, and all
requests together get a tenth of the node's time; beyond it they are refused, and the answer says
why. What has to be read before it can be refused, 10,000 parameters in 0.1 s, is read in a thread
of its own, and only parameters that are to be set get to the node's.
"""

from __future__ import annotations

import threading
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
from rclpy.qos import qos_profile_parameters

from neuro_control.errors import ConfigurationError
from neuro_control.ros.budget import Budget
from neuro_control.ros.safety.supervision import Supervised, report_failure
from neuro_control.ros.safety.thread import ServiceThread

# Part of the node's time that requests may take in the long run.
_SHARE = 0.1
# Processor time that they may take at once, s: enough to read or set everything a few times.
_BURST = 0.5
# Wall time after which a request that the node has not come to looks whether it still can, s.
_POLL = 0.5
# The same while no executor runs the node, s.
_LOOK = 0.02

_READING = (GetParameters, GetParameterTypes, DescribeParameters, ListParameters)


class ParameterRequests:
    """Takes the place of rclpy's answers to requests that concern the parameters of ``node``."""

    def __init__(self, node: Supervised) -> None:
        self._node = node
        self._budget = Budget(_SHARE, _BURST)
        self._thread = ServiceThread(node, "parameters")
        setting: dict[type, Callable[[Any, Any], Any]] = {
            SetParameters: self._set,
            SetParametersAtomically: self._set_atomically,
        }
        for service in list(node.services):
            if service.srv_type in _READING:
                answer = self._reading(service.callback)
                service.callback = node.guarded_service(answer, service.srv_name)
            elif service.srv_type in setting:
                kind, name = service.srv_type, service.srv_name
                node.destroy_service(service)
                self._thread.serve(kind, name, setting[kind], qos_profile_parameters)
        self._thread.start()

    def close(self) -> None:
        """End the thread; calling it more than once does no harm."""
        self._thread.close()

    def _refusal(self, count: int) -> str:
        """Why a request that concerns ``count`` parameters is refused; empty if it is not."""
        most = len(self._node.list_parameters([], 0).names)
        if count > most:
            return f"the node has {most} parameters, a request can't concern {count}"
        wait = self._budget.wait()
        if wait > 0.0:
            return f"too many requests concern parameters: ask again in {wait:.1f} s"
        return ""

    # In the thread of requests.

    def _set(self, request: Any, response: Any) -> Any:
        refusal = self._refusal(len(request.parameters))
        if refusal:
            # One answer for all: those of 10,000 parameters would take as long as their check.
            response.results = [_refused(refusal)]
            return response
        groups = [[each] for each in request.parameters]
        response.results = self._set_by_the_node(groups)
        return response

    def _set_atomically(self, request: Any, response: Any) -> Any:
        refusal = self._refusal(len(request.parameters))
        if refusal:
            response.result = _refused(refusal)
        else:
            (response.result,) = self._set_by_the_node([request.parameters])
        return response

    def _set_by_the_node(self, groups: Sequence[Sequence[Any]]) -> list[SetParametersResult]:
        """Results of setting each group of parameters, all or none of it, in the node's thread."""
        results = [_refused("the node has ended")] * len(groups)
        done = threading.Event()

        def apply() -> None:
            begin = time.thread_time()
            try:
                for number, group in enumerate(groups):
                    results[number] = self._applied(group)
            except Exception as error:
                results[:] = [_refused(f"failed: {error!r}")] * len(groups)
                report_failure([self._node], "setting parameters", error)
            finally:
                self._budget.spend(time.thread_time() - begin)
                done.set()

        handed = False
        while not (done.is_set() or self._thread.ended):
            if not handed:
                # None runs while the node is being configured.
                handed = self._thread.hand_over(apply)
            done.wait(_POLL if handed else _LOOK)
        return results

    # In the node's thread.

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
